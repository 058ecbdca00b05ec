package samples;

import com.amazonaws.services.schemaregistry.common.configs.GlueSchemaRegistryConfiguration;
import com.amazonaws.services.schemaregistry.serializers.GlueSchemaRegistrySerializationFacade;
import com.amazonaws.services.schemaregistry.serializers.json.JsonDataWithSchema;
import com.amazonaws.services.schemaregistry.utils.AWSSchemaRegistryConstants;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Message;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider;
import software.amazon.awssdk.services.glue.model.DataFormat;

/** Records by the library of the AWS Glue Schema Registry, which is asked for nothing: it is told the versions' ids. */
final class GlueSamples {
    private static final UUID AVRO = new UUID(0x3c0ffee000004000L, 0x8000000000000001L);
    private static final UUID JSON = new UUID(0x3c0ffee000004000L, 0x8000000000000002L);
    private static final UUID NEWER = new UUID(0x3c0ffee000004000L, 0x8000000000000003L);
    private static final UUID OLDER = new UUID(0x3c0ffee000004000L, 0x8000000000000004L);

    private static final String JSON_SCHEMA =
            """
            {"$schema":"http://json-schema.org/draft-07/schema#","title":"Order","type":"object",
             "properties":{"id":{"type":"string"},"card":{"type":"string","x-pii":"PAN"},"total":{"type":"number"}},
             "required":["id"]}""";

    private GlueSamples() {}

    static void write(Samples samples) throws Exception {
        samples.by("software.amazon.glue:schema-registry-serde", "1.1.23");
        Schema note = new Schema.Parser().parse(
                """
                {"type":"record","name":"Note","namespace":"shop","fields":[
                  {"name":"id","type":"string"},{"name":"card","type":["null","string"],"default":null,"pii":"PAN"},
                  {"name":"words","type":{"type":"array","items":"string"}}]}""");
        FileDescriptor newer = ProtobufSamples.file(ProtobufSamples.NEWER);
        FileDescriptor older = ProtobufSamples.file(ProtobufSamples.OLDER);
        samples.schema(AVRO.toString(), "avsc", facade("NONE").getSchemaDefinition(DataFormat.AVRO, note(note, 0)));
        samples.schema(JSON.toString(), "json", JSON_SCHEMA);
        samples.schema(NEWER.toString(), "proto", definition(newer));
        samples.schema(OLDER.toString(), "proto", definition(older));

        for (String compression : new String[] {"NONE", "ZLIB"}) {
            GlueSchemaRegistrySerializationFacade facade = facade(compression);
            String suffix = compression.equals("NONE") ? "" : "-zlib";
            for (int words : new int[] {0, 3, 200}) {
                GenericRecord record = note(note, words);
                samples.record("avro-" + words + suffix, "\"glue\"", facade.serialize(DataFormat.AVRO, record, AVRO), record.toString());
            }
            String json = "{\"id\":\"o-1\",\"card\":\"5555555555554444\",\"total\":1234567890123.25}";
            samples.record("json" + suffix, "\"glue\"", facade.serialize(DataFormat.JSON, JsonDataWithSchema.builder(JSON_SCHEMA, json).build(), JSON), json);
            Random random = new Random(11);
            for (Descriptor type : new Descriptor[] {
                newer.findMessageTypeByName("Order"), newer.findMessageTypeByName("Customer"),
                newer.findMessageTypeByName("Order").findNestedTypeByName("Line"),
            }) {
                Message message = ProtobufSamples.message(type, random, 3);
                samples.record("proto3-" + type.getName() + suffix, "\"glue\"", facade.serialize(DataFormat.PROTOBUF, message, NEWER), ProtobufSamples.json(message));
            }
            Message message = ProtobufSamples.message(older.findMessageTypeByName("Order"), random, 3);
            samples.record("proto2-Order" + suffix, "\"glue\"", facade.serialize(DataFormat.PROTOBUF, message, OLDER), ProtobufSamples.json(message));
        }
    }

    private static String definition(FileDescriptor file) {
        Message any = com.google.protobuf.DynamicMessage.getDefaultInstance(file.getMessageTypes().get(0));
        return facade("NONE").getSchemaDefinition(DataFormat.PROTOBUF, any);
    }

    private static GlueSchemaRegistrySerializationFacade facade(String compression) {
        Map<String, Object> configs = Map.of(
                AWSSchemaRegistryConstants.AWS_REGION, "us-east-1", AWSSchemaRegistryConstants.COMPRESSION_TYPE, compression);
        return GlueSchemaRegistrySerializationFacade.builder()
                .credentialProvider(AnonymousCredentialsProvider.create())
                .glueSchemaRegistryConfiguration(new GlueSchemaRegistryConfiguration(configs))
                .build();
    }

    private static GenericRecord note(Schema schema, int words) {
        GenericRecord made = new GenericData.Record(schema);
        made.put("id", "n-" + words);
        made.put("card", words == 0 ? null : "4111111111111111");
        GenericData.Array<String> list = new GenericData.Array<>(words, schema.getField("words").schema());
        for (int number = 0; number < words; number++) {
            list.add("word " + number);
        }
        made.put("words", list);
        return made;
    }
}
