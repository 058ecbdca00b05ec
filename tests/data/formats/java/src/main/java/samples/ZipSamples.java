package samples;

import static samples.Samples.joined;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.GZIPOutputStream;

/** Records compressed by Java's own library. */
final class ZipSamples {
    private static final String FIRST = "{\"id\":\"a\",\"card\":\"4111111111111111\",\"text\":\"\u20ac {}\"}";
    private static final String SECOND = "{\"id\":\"b\",\"amount\":12345678901234567890.1}";

    private ZipSamples() {}

    static void write(Samples samples) throws IOException {
        samples.by("java.util.zip", System.getProperty("java.vendor"));
        byte[] lines = bytes(FIRST + "\n" + SECOND + "\n");
        samples.record("gzip", "\"auto\"", gzip(bytes(FIRST)), FIRST);
        samples.record("gzip-lines", "\"auto\"", gzip(lines), FIRST, SECOND);
        samples.record("gzip-lines-named", "[\"gzip\",\"ndjson\"]", gzip(lines), FIRST, SECOND);
        samples.record("gzip-array", "\"auto\"", gzip(bytes("[" + FIRST + ", " + SECOND + "]")), FIRST, SECOND);
        samples.record("gzip-members", "\"auto\"", joined(gzip(bytes(FIRST)), gzip(bytes(SECOND))), FIRST, SECOND);
        samples.record("gzip-in-zlib", "\"auto\"", zlib(gzip(lines), 6), FIRST, SECOND);
        samples.refused("gzip-thrice", "\"auto\"", gzip(gzip(gzip(lines))), "compressed_too_often");
        for (int level = 0; level <= 9; level++) {
            samples.record("zlib-" + level, "\"auto\"", zlib(lines, level), FIRST, SECOND);
        }
        samples.record("zlib-named", "[\"zlib\",\"json\"]", zlib(bytes(SECOND), 9), SECOND);
        byte[] whole = gzip(lines);
        samples.refused("gzip-cut", "\"auto\"", java.util.Arrays.copyOf(whole, whole.length - 1), "compression_damaged");
        samples.refused("gzip-and-more", "\"auto\"", joined(whole, bytes("x")), "compression_damaged");
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] gzip(byte[] data) throws IOException {
        ByteArrayOutputStream made = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(made)) {
            out.write(data);
        }
        return made.toByteArray();
    }

    private static byte[] zlib(byte[] data, int level) throws IOException {
        ByteArrayOutputStream made = new ByteArrayOutputStream();
        try (DeflaterOutputStream out = new DeflaterOutputStream(made, new Deflater(level))) {
            out.write(data);
        }
        return made.toByteArray();
    }
}
