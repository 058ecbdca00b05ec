package samples;

import static samples.Samples.confluent;

import com.amazonaws.services.schemaregistry.utils.apicurio.FileDescriptorUtils;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.ByteString;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DoubleValue;
import com.google.protobuf.DurationProto;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.Message;
import com.google.protobuf.StructProto;
import com.google.protobuf.TextFormat;
import com.google.protobuf.TimestampProto;
import com.google.protobuf.UnknownFieldSet;
import com.google.protobuf.WrappersProto;
import com.google.protobuf.util.JsonFormat;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/** Messages by Protobuf's own library and its own JSON of them, in Confluent's framing. */
final class ProtobufSamples {
    static final String NEWER = "orders3";
    static final String OLDER = "orders2";

    private ProtobufSamples() {}

    static FileDescriptor file(String name) throws Exception {
        FileDescriptorProto.Builder made = FileDescriptorProto.newBuilder();
        TextFormat.merge(Files.readString(Path.of("..", "schemas", name + ".textproto")), made);
        FileDescriptor[] imports = {
            TimestampProto.getDescriptor(), DurationProto.getDescriptor(), WrappersProto.getDescriptor(),
            StructProto.getDescriptor(),
        };
        return FileDescriptor.buildFrom(made.build(), imports);
    }

    /** The text that Glue's library registers of a file. */
    static String text(FileDescriptor file) {
        return FileDescriptorUtils.fileDescriptorToProtoFile(file.toProto()).toSchema();
    }

    static String json(Message message) throws IOException {
        return JsonFormat.printer().preservingProtoFieldNames().omittingInsignificantWhitespace().print(message);
    }

    private static byte[] framed(int id, Message message, int... indexes) throws IOException {
        ByteArrayOutputStream payload = new ByteArrayOutputStream();
        CodedOutputStream out = CodedOutputStream.newInstance(payload);
        if (indexes.length == 1 && indexes[0] == 0) {
            out.writeSInt32NoTag(0);
        } else {
            out.writeSInt32NoTag(indexes.length);
            for (int each : indexes) {
                out.writeSInt32NoTag(each);
            }
        }
        out.flush();
        message.writeTo(payload);
        return confluent(id, payload.toByteArray());
    }

    static void write(Samples samples) throws Exception {
        samples.by("com.google.protobuf:protobuf-java", "3.25.5");
        String confluent = "\"confluent\"";
        FileDescriptor newer = file(NEWER);
        samples.schema("201", "proto", text(newer));
        Descriptor order = newer.findMessageTypeByName("Order");
        for (int seed = 0; seed < 24; seed++) {
            Message message = message(order, new Random(seed), 3);
            samples.record("proto3-" + seed, confluent, framed(201, message, 0), json(message));
        }
        Message line = message(order.findNestedTypeByName("Line"), new Random(1), 2);
        samples.record("proto3-nested", confluent, framed(201, line, 0, 0), json(line));
        Message other = message(newer.findMessageTypeByName("Customer"), new Random(2), 2);
        samples.record("proto3-second", confluent, framed(201, other, 1), json(other));

        UnknownFieldSet unknown = UnknownFieldSet.newBuilder()
                .addField(5000, UnknownFieldSet.Field.newBuilder().addVarint(7).addLengthDelimited(ByteString.copyFromUtf8("x")).build())
                .build();
        Message more = other.toBuilder().setUnknownFields(unknown).build();
        samples.record("proto3-unknown-fields", confluent, framed(201, more, 1), json(other));

        FileDescriptor older = file(OLDER);
        samples.schema("202", "proto", text(older));
        for (int seed = 0; seed < 12; seed++) {
            Message message = message(older.findMessageTypeByName("Order"), new Random(seed), 3);
            samples.record("proto2-" + seed, confluent, framed(202, message, 0), json(message));
        }
    }

    static Message message(Descriptor type, Random random, int levels) {
        switch (type.getFullName()) {
            case "google.protobuf.Timestamp" -> {
                return com.google.protobuf.Timestamp.newBuilder()
                        .setSeconds(random.nextLong() % 60_000_000_000L)
                        .setNanos(random.nextBoolean() ? 0 : random.nextInt(1_000_000_000))
                        .build();
            }
            case "google.protobuf.Duration" -> {
                return com.google.protobuf.Duration.newBuilder().setSeconds(-random.nextInt(1_000_000)).setNanos(-500).build();
            }
            case "google.protobuf.DoubleValue" -> {
                return DoubleValue.of(random.nextInt(1000) / 8.0);
            }
            case "google.protobuf.Struct" -> {
                return com.google.protobuf.Struct.newBuilder()
                        .putFields("n", com.google.protobuf.Value.newBuilder().setNumberValue(0.25).build())
                        .putFields("s", com.google.protobuf.Value.newBuilder().setStringValue(AvroSamples.string(random)).build())
                        .putFields("z", com.google.protobuf.Value.newBuilder().setNullValueValue(0).build())
                        .build();
            }
            default -> { }
        }
        DynamicMessage.Builder made = DynamicMessage.newBuilder(type);
        for (FieldDescriptor field : type.getFields()) {
            boolean isMessage = field.getJavaType() == FieldDescriptor.JavaType.MESSAGE;
            if (!field.isRequired() && (random.nextInt(3) == 0 || isMessage && levels == 0)) {
                continue;
            }
            if (field.isMapField()) {
                for (int count = random.nextInt(3); count >= 0; count--) {
                    FieldDescriptor key = field.getMessageType().findFieldByNumber(1);
                    FieldDescriptor value = field.getMessageType().findFieldByNumber(2);
                    Object name = key.getJavaType() == FieldDescriptor.JavaType.STRING ? "k" + count : value(key, random, 0);
                    made.addRepeatedField(
                            field,
                            DynamicMessage.newBuilder(field.getMessageType())
                                    .setField(key, name)
                                    .setField(value, value(value, random, levels - 1))
                                    .build());
                }
            } else if (field.isRepeated()) {
                for (int count = random.nextInt(4); count > 0; count--) {
                    made.addRepeatedField(field, value(field, random, levels - 1));
                }
            } else {
                made.setField(field, value(field, random, levels - 1));
            }
        }
        return made.build();
    }

    private static Object value(FieldDescriptor field, Random random, int levels) {
        return switch (field.getJavaType()) {
            case BOOLEAN -> random.nextBoolean();
            case INT -> random.nextInt() >> random.nextInt(32);
            case LONG -> random.nextLong() >> random.nextInt(64);
            case FLOAT -> random.nextInt() / 1024f;
            case DOUBLE -> random.nextDouble() * 1e9;
            case STRING -> AvroSamples.string(random);
            case BYTE_STRING -> {
                byte[] made = new byte[random.nextInt(9)];
                random.nextBytes(made);
                yield ByteString.copyFrom(made);
            }
            case ENUM -> field.getEnumType().getValues().get(random.nextInt(field.getEnumType().getValues().size()));
            case MESSAGE -> message(field.getMessageType(), random, Math.max(levels, 0));
        };
    }
}
