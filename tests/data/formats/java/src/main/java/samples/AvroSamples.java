package samples;

import static samples.Samples.confluent;
import static samples.Samples.object;
import static samples.Samples.text;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import org.apache.avro.Conversions;
import org.apache.avro.Schema;
import org.apache.avro.data.TimeConversions;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.util.Utf8;

/** Records by Avro's own library, in Confluent's framing. */
final class AvroSamples {
    static final int EVERYTHING = 101;
    private static final int TREE = 102;
    private static final int CHANGE = 103;

    private static final DateTimeFormatter MILLIS = DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS");
    private static final DateTimeFormatter MICROS = DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSSSS");

    private AvroSamples() {}

    static GenericData data() {
        GenericData made = new GenericData();
        made.addLogicalTypeConversion(new Conversions.DecimalConversion());
        made.addLogicalTypeConversion(new Conversions.UUIDConversion());
        made.addLogicalTypeConversion(new TimeConversions.DateConversion());
        made.addLogicalTypeConversion(new TimeConversions.TimeMillisConversion());
        made.addLogicalTypeConversion(new TimeConversions.TimeMicrosConversion());
        made.addLogicalTypeConversion(new TimeConversions.TimestampMillisConversion());
        made.addLogicalTypeConversion(new TimeConversions.TimestampMicrosConversion());
        made.addLogicalTypeConversion(new TimeConversions.LocalTimestampMillisConversion());
        made.addLogicalTypeConversion(new TimeConversions.LocalTimestampMicrosConversion());
        return made;
    }

    static Schema schema(String name) throws IOException {
        return new Schema.Parser().parse(Files.readString(Path.of("..", "schemas", name + ".avsc")));
    }

    static byte[] encoded(Schema schema, Object value, boolean inBlocks) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        EncoderFactory factory = new EncoderFactory().configureBlockSize(64);
        BinaryEncoder encoder = inBlocks ? factory.blockingBinaryEncoder(out, null) : factory.binaryEncoder(out, null);
        new GenericDatumWriter<Object>(schema, data()).write(value, encoder);
        encoder.flush();
        return out.toByteArray();
    }

    static void write(Samples samples) throws IOException {
        samples.by("org.apache.avro:avro", Schema.class.getPackage().getImplementationVersion());
        String confluent = "\"confluent\"";
        Schema everything = schema("everything");
        samples.schema("" + EVERYTHING, "avsc", everything.toString());
        for (int seed = 0; seed < 24; seed++) {
            Pair made = everything(everything, new Random(seed), 2);
            byte[] payload = encoded(everything, made.written, seed % 3 == 0);
            samples.record("everything-" + seed, confluent, confluent(EVERYTHING, payload), made.expected);
        }

        Schema tree = schema("tree");
        samples.schema("" + TREE, "avsc", tree.toString(true));
        Pair made = tree(tree, new Random(7), 6);
        samples.record("tree", confluent, confluent(TREE, encoded(tree, made.written, false)), made.expected);
        samples.record("tree-in-blocks", confluent, confluent(TREE, encoded(tree, made.written, true)), made.expected);

        Schema change = schema("change");
        samples.schema("" + CHANGE, "avsc", change.toString());
        GenericRecord envelope = change(change);
        byte[] payload = encoded(change, envelope, false);
        String source = "{\"version\":\"2.7.0.Final\",\"connector\":\"postgresql\",\"ts_ms\":1559033904863,"
                + "\"snapshot\":\"false\",\"table\":\"customers\"}";
        String value = "\"id\":1,\"card\":\"4111111111111111\",\"born\":11016,\"credit\":-12.50";
        samples.record(
                "change",
                confluent,
                confluent(CHANGE, payload),
                "{\"before\":null,\"after\":{" + value + "},\"source\":" + source + ",\"op\":\"c\",\"ts_ms\":1559033904863}");
        samples.record(
                "change-opened",
                "[\"confluent\",\"debezium\"]",
                confluent(CHANGE, payload),
                "{" + value + ",\"envelope\":{\"op\":\"c\",\"ts_ms\":1559033904863,\"source\":" + source + "}}");
    }

    /** What is written, and its JSON. */
    record Pair(Object written, String expected) {}

    private static GenericRecord change(Schema schema) {
        Schema value = schema.getField("after").schema().getTypes().get(1);
        GenericRecord after = new GenericData.Record(value);
        after.put("id", 1);
        after.put("card", "4111111111111111");
        after.put("born", 11016);
        after.put("credit", new BigDecimal("-12.50"));
        GenericRecord source = new GenericData.Record(schema.getField("source").schema());
        source.put("version", "2.7.0.Final");
        source.put("connector", "postgresql");
        source.put("ts_ms", 1559033904863L);
        source.put("snapshot", "false");
        source.put("table", "customers");
        GenericRecord made = new GenericData.Record(schema);
        made.put("before", null);
        made.put("after", after);
        made.put("source", source);
        made.put("op", "c");
        made.put("ts_ms", 1559033904863L);
        return made;
    }

    private static Pair tree(Schema schema, Random random, int levels) {
        GenericRecord made = new GenericData.Record(schema);
        Map<String, String> expected = new LinkedHashMap<>();
        String value = string(random);
        made.put("value", value);
        expected.put("value", text(value));
        for (String side : List.of("left", "right")) {
            Pair inner = levels > 0 && random.nextBoolean() ? tree(schema, random, levels - 1) : new Pair(null, "null");
            made.put(side, inner.written);
            expected.put(side, inner.expected);
        }
        Map<String, Object> others = new LinkedHashMap<>();
        Map<String, String> shown = new LinkedHashMap<>();
        for (int number = 0; levels > 0 && number < random.nextInt(3); number++) {
            Pair inner = tree(schema, random, levels - 2);
            others.put("k" + number, inner.written);
            shown.put("k" + number, inner.expected);
        }
        made.put("others", others);
        expected.put("others", object(shown));
        return new Pair(made, object(expected));
    }

    static Pair everything(Schema schema, Random random, int levels) {
        GenericRecord made = new GenericData.Record(schema);
        Map<String, String> expected = new LinkedHashMap<>();
        put(made, expected, "nothing", null, "null");
        boolean truth = random.nextBoolean();
        put(made, expected, "truth", truth, "" + truth);
        int number = random.nextInt() >> random.nextInt(32);
        put(made, expected, "number", number, "" + number);
        long large = random.nextLong() >> random.nextInt(64);
        put(made, expected, "large", large, "" + large);
        float single = Float.intBitsToFloat(random.nextInt());
        single = Float.isFinite(single) ? single : 0.1f;
        put(made, expected, "single", single, "" + single);
        double twice = Double.longBitsToDouble(random.nextLong());
        twice = Double.isFinite(twice) ? twice : 0.1;
        put(made, expected, "double", twice, "" + twice);
        byte[] raw = bytes(random, random.nextInt(20));
        put(made, expected, "raw", ByteBuffer.wrap(raw), base64(raw));
        String text = string(random);
        put(made, expected, "text", random.nextBoolean() ? text : new Utf8(text), text(text));
        Schema color = schema.getField("color").schema();
        GenericData.EnumSymbol symbol = symbol(color, random);
        put(made, expected, "color", symbol, text(symbol.toString()));
        byte[] hash = bytes(random, 4);
        put(made, expected, "hash", new GenericData.Fixed(schema.getField("hash").schema(), hash), base64(hash));
        BigDecimal amount = new BigDecimal(new BigInteger(1 + random.nextInt(125), random), 9);
        amount = random.nextBoolean() ? amount.negate() : amount;
        put(made, expected, "amount", amount, amount.toPlainString());
        BigDecimal price = BigDecimal.valueOf(random.nextLong() % 10_000_000_000_000_000L, 2);
        put(made, expected, "price", price, price.toPlainString());
        LocalDate day = LocalDate.ofEpochDay(random.nextInt(3_000_000) - 600_000);
        put(made, expected, "day", day, text(day.toString()));
        LocalTime clock = LocalTime.ofNanoOfDay(random.nextInt(86_400_000) * 1_000_000L);
        put(made, expected, "clock", clock, text(clock.format(DateTimeFormatter.ofPattern("HH:mm:ss.SSS"))));
        LocalTime fineClock = LocalTime.ofNanoOfDay(random.nextLong(86_400_000_000L) * 1000L);
        put(made, expected, "fine_clock", fineClock, text(fineClock.format(DateTimeFormatter.ofPattern("HH:mm:ss.SSSSSS"))));
        Instant at = Instant.ofEpochMilli(random.nextLong() % 60_000_000_000_000L);
        put(made, expected, "at", at, text(MILLIS.format(at.atOffset(ZoneOffset.UTC)) + "Z"));
        long micros = random.nextLong() % 60_000_000_000_000_000L;
        Instant fineAt = Instant.ofEpochSecond(Math.floorDiv(micros, 1_000_000L), Math.floorMod(micros, 1_000_000L) * 1000L);
        put(made, expected, "fine_at", fineAt, text(MICROS.format(fineAt.atOffset(ZoneOffset.UTC)) + "Z"));
        LocalDateTime local = LocalDateTime.ofInstant(at, ZoneOffset.UTC);
        put(made, expected, "local_at", local, text(MILLIS.format(local)));
        LocalDateTime fineLocal = LocalDateTime.ofInstant(fineAt, ZoneOffset.UTC);
        put(made, expected, "fine_local_at", fineLocal, text(MICROS.format(fineLocal)));
        UUID id = new UUID(random.nextLong(), random.nextLong());
        put(made, expected, "id", id, text(id.toString()));
        list(made, expected, schema, random);
        maps(made, expected, random);
        either(made, expected, schema.getField("either").schema(), random);
        Pair inner = levels > 0 && random.nextBoolean() ? everything(schema, random, levels - 1) : new Pair(null, "null");
        put(made, expected, "inner", inner.written, inner.expected);
        return new Pair(made, object(expected));
    }

    private static void list(GenericRecord made, Map<String, String> expected, Schema schema, Random random) {
        Schema color = schema.getField("color").schema();
        Schema hash = schema.getField("hash").schema();
        List<Object> list = new ArrayList<>();
        List<String> shown = new ArrayList<>();
        for (int count = random.nextInt(12); count > 0; count--) {
            switch (random.nextInt(5)) {
                case 0 -> {
                    list.add(null);
                    shown.add("null");
                }
                case 1 -> {
                    long value = random.nextLong();
                    list.add(value);
                    shown.add("" + value);
                }
                case 2 -> {
                    String value = string(random);
                    list.add(value);
                    shown.add(text(value));
                }
                case 3 -> {
                    GenericData.EnumSymbol value = symbol(color, random);
                    list.add(value);
                    shown.add(text(value.toString()));
                }
                default -> {
                    byte[] value = bytes(random, 4);
                    list.add(Map.of("k", new GenericData.Fixed(hash, value)));
                    shown.add("{\"k\":" + base64(value) + "}");
                }
            }
        }
        put(made, expected, "list", list, shown.toString());
    }

    private static void maps(GenericRecord made, Map<String, String> expected, Random random) {
        Map<String, Object> maps = new LinkedHashMap<>();
        Map<String, String> shown = new LinkedHashMap<>();
        for (int outer = random.nextInt(4); outer > 0; outer--) {
            String name = string(random) + outer;
            Map<String, Object> inner = new LinkedHashMap<>();
            inner.put("", 7);
            inner.put("n", null);
            inner.put("d", List.of(0.5, -1e300));
            maps.put(name, inner);
            shown.put(name, "{\"\":7,\"n\":null,\"d\":[0.5,-1E300]}");
        }
        put(made, expected, "maps", maps, object(shown));
    }

    private static void either(GenericRecord made, Map<String, String> expected, Schema union, Random random) {
        switch (random.nextInt(4)) {
            case 0 -> put(made, expected, "either", null, "null");
            case 1 -> {
                GenericRecord left = new GenericData.Record(union.getTypes().get(1));
                left.put("paid", new BigDecimal("12345.6789"));
                put(made, expected, "either", left, "{\"paid\":12345.6789}");
            }
            case 2 -> {
                GenericRecord left = new GenericData.Record(union.getTypes().get(1));
                put(made, expected, "either", left, "{\"paid\":null}");
            }
            default -> {
                GenericRecord right = new GenericData.Record(union.getTypes().get(2));
                right.put("color", new GenericData.EnumSymbol(right.getSchema().getField("color").schema(), "BLUE"));
                right.put("since", Instant.ofEpochMilli(-1));
                put(made, expected, "either", right, "{\"color\":\"BLUE\",\"since\":\"1969-12-31T23:59:59.999Z\"}");
            }
        }
    }

    private static void put(GenericRecord made, Map<String, String> expected, String name, Object value, String shown) {
        made.put(name, value);
        expected.put(name, shown);
    }

    private static GenericData.EnumSymbol symbol(Schema schema, Random random) {
        return new GenericData.EnumSymbol(schema, schema.getEnumSymbols().get(random.nextInt(3)));
    }

    private static byte[] bytes(Random random, int size) {
        byte[] made = new byte[size];
        random.nextBytes(made);
        return made;
    }

    private static String base64(byte[] raw) {
        return text(Base64.getEncoder().encodeToString(raw));
    }

    static String string(Random random) {
        String from = "a\"\\\u0000\n\t\u007f\u00e9\u20ac\ud83d\ude00 4111{}[]";
        StringBuilder made = new StringBuilder();
        int[] points = from.codePoints().toArray();
        for (int count = random.nextInt(12); count > 0; count--) {
            made.appendCodePoint(points[random.nextInt(points.length)]);
        }
        return made.toString();
    }
}
