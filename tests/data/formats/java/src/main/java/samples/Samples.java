package samples;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Writes the files of recorded samples: the folder that they go to is the argument. */
public final class Samples {
    private final PrintStream out;

    private Samples(PrintStream out) {
        this.out = out;
    }

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        try (PrintStream out = open(folder, "java-avro.jsonl")) {
            AvroSamples.write(new Samples(out));
        }
        try (PrintStream out = open(folder, "java-protobuf.jsonl")) {
            ProtobufSamples.write(new Samples(out));
        }
        try (PrintStream out = open(folder, "java-glue.jsonl")) {
            GlueSamples.write(new Samples(out));
        }
        try (PrintStream out = open(folder, "java-zip.jsonl")) {
            ZipSamples.write(new Samples(out));
        }
    }

    private static PrintStream open(Path folder, String name) throws IOException {
        return new PrintStream(Files.newOutputStream(folder.resolve(name)), false, StandardCharsets.UTF_8);
    }

    /** Enters who writes the samples from here on. */
    void by(String name, String version) {
        out.printf("{\"by\":%s}%n", text(name + " " + version + ", Java " + System.getProperty("java.version")));
    }

    /** Enters a schema that samples refer to by its id. */
    void schema(String id, String suffix, String text) {
        out.printf("{\"schema\":%s,\"suffix\":%s,\"text\":%s}%n", text(id), text(suffix), text(text));
    }

    /** Enters a record, with the JSON of what it holds. */
    void record(String name, String format, byte[] record, String... documents) {
        String expected = List.of(documents).stream().map(Samples::text).collect(Collectors.joining(","));
        out.printf(
                "{\"name\":%s,\"format\":%s,\"record\":%s,\"documents\":[%s]}%n",
                text(name), format, text(Base64.getEncoder().encodeToString(record)), expected);
    }

    /** Enters a record that is not to be read. */
    void refused(String name, String format, byte[] record, String code) {
        out.printf(
                "{\"name\":%s,\"format\":%s,\"record\":%s,\"code\":%s}%n",
                text(name), format, text(Base64.getEncoder().encodeToString(record)), text(code));
    }

    /** Confluent, "Wire format": a byte 0 and the id in four bytes. */
    static byte[] confluent(int id, byte[] payload) {
        return ByteBuffer.allocate(5 + payload.length).put((byte) 0).putInt(id).put(payload).array();
    }

    static String text(String value) {
        StringBuilder made = new StringBuilder("\"");
        for (char each : value.toCharArray()) {
            switch (each) {
                case '"' -> made.append("\\\"");
                case '\\' -> made.append("\\\\");
                default -> {
                    if (each < 0x20 || each > 0x7e) {
                        made.append(String.format("\\u%04x", (int) each));
                    } else {
                        made.append(each);
                    }
                }
            }
        }
        return made.append('"').toString();
    }

    static String object(Map<String, String> fields) {
        return fields.entrySet().stream()
                .map(each -> text(each.getKey()) + ":" + each.getValue())
                .collect(Collectors.joining(",", "{", "}"));
    }

    static byte[] joined(byte[]... parts) {
        ByteArrayOutputStream made = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            made.writeBytes(part);
        }
        return made.toByteArray();
    }
}
