"""What each code of a quarantine entry means, and what to do about it."""

from typing import Final, NamedTuple


class Advice(NamedTuple):
    """For a person; Markdown, since it stands in the documents too."""

    means: str
    to_do: str


REDACTION: Final = {
    "empty": Advice("no bytes, or white space only", "ask the producer"),
    "too_large": Advice(
        "longer than `limits.max_bytes`", "raise the limit if such records are right; it counts before redaction"
    ),
    "invalid_utf8": Advice("is not UTF-8", "ask the producer: compressed, or another encoding?"),
    "byte_order_mark": Advice(
        "begins with a byte order mark", "ask the producer to leave it out (RFC 8259, section 8.1)"
    ),
    "invalid_json": Advice("is not JSON", "ask the producer: cut off, several documents, a trailing comma?"),
    "not_an_object": Advice("is JSON, but no object", "ask the producer"),
    "duplicate_key": Advice("a key stands twice in one object, so that it has two meanings", "ask the producer"),
    "too_deep": Advice("nested deeper than `limits.max_depth`", "raise the limit up to what DynamoDB holds, 32 levels"),
    "too_many_values": Advice(
        "more fields and list items than `limits.max_values`", "raise the limit if such records are right"
    ),
    "invalid_unicode": Advice(
        "half of a surrogate pair, which is no character", "ask the producer: a text cut in the middle?"
    ),
    "number_unsupported": Advice(
        "NaN, Infinity, or more digits than any amount has", "ask the producer to write it as a text"
    ),
    "field_forbidden": Advice(
        "has a field with the action `quarantine`; `rule` says which", "as the policy's author had in mind"
    ),
    "unknown_field": Advice(
        "has a field that no rule speaks of, under `unknown_fields: quarantine`", "add the field to the policy"
    ),
    "key_collision": Advice(
        "two keys of one object became equal by redaction", "have the producer keep such values out of names of fields"
    ),
    "leak_suspected": Advice(
        "still something found after redaction: the last check before release",
        "report it, with a made-up record of that shape: it is a defect",
    ),
    "too_complex": Advice(
        "more than `limits.max_suspect_chars` to validate, or something wrapped more than four times",
        "look at the record's source; raise the limit if such records are right",
    ),
    "tag_unknown": Advice(
        "its schema has a tag that no rule of the policy names, or the redactor is a plug-in that knows of no tags",
        "name the tag under `tags` of the policy, then replay",
    ),
    "redactor_raised": Advice("the plug-in raised an exception", "the plug-in's author"),
    "redactor_invalid_verdict": Advice(
        "the plug-in gave no proper verdict", "the plug-in's author; `redaction.testing` would have told"
    ),
}
"""Codes of `redaction`, in the order in which docs/policies.md shows them."""

WORKER: Final = {
    "key_missing": Advice(
        "lacks a field that the key templates name",
        "ask the producer, or take another field into `output.partition_key` or `output.sort_key`",
    ),
    "key_empty": Advice("a field that the key templates name is an empty text", "as for `key_missing`"),
    "key_not_scalar": Advice(
        "a field that the key templates name is an object, a list, true or false", "as for `key_missing`"
    ),
    "key_too_long": Advice(
        "the key is longer than DynamoDB's 2048 bytes (partition) or 1024 (sort), or Kinesis's 256 characters",
        "shorten the template, or ask the producer",
    ),
    "number_digits": Advice("a number with more than DynamoDB's 38 digits", "ask the producer to write it as a text"),
    "number_range": Advice(
        "a number beyond DynamoDB's range, 1E-130 to 9.99E125", "ask the producer to write it as a text"
    ),
    "nesting_too_deep": Advice(
        "nested deeper than DynamoDB's 32 levels", "ask the producer, or have the policy drop the field"
    ),
    "attribute_name_empty": Advice("a field without a name", "ask the producer"),
    "attribute_name_too_long": Advice("a field whose name is longer than DynamoDB's 64 KB", "ask the producer"),
    "type_unsupported": Advice("a value that is no JSON, released by a plug-in", "the plug-in's author"),
    "item_too_large": Advice(
        "larger than DynamoDB's 400 KB", "have the policy drop a large field, or ask the producer"
    ),
    "record_too_large": Advice(
        "larger, with its key and metadata, than the stream of the sink `kinesis` takes: 1 MiB, or what it is set to",
        "have the policy drop a large field, or ask the producer",
    ),
    "reserved_attribute": Advice(
        "has a field that belongs to the service", "change `output.reserved_attribute`, or ask the producer"
    ),
    "index_key_unusable": Advice(
        "a field that `output.index` names is an empty text, an object, a list, true or false, or makes a key longer "
        "than DynamoDB's 2048 bytes (partition) or 1024 (sort); one that is missing is no fault",
        "ask the producer, or take another field into `output.index`",
    ),
    "version_missing": Advice(
        "lacks `output.version_field`, so that nothing says whether it is newer than what is stored",
        "ask the producer, or take another field",
    ),
    "version_unusable": Advice(
        "`output.version_field` is neither a number that DynamoDB holds nor a printable text of 1 to 1024 characters, "
        "or redaction changed it",
        "ask the producer, or have the policy except the field from its detectors",
    ),
    "partition_key_differs": Advice(
        "`stream.partition_key_field`, as released, is not the record's Kinesis partition key",
        "ask the producer; where the two do not agree by design, take `output.version_field` instead",
    ),
    "item_refused": Advice(
        "DynamoDB, or the stream of the sink `kinesis`, refused the item all the same",
        "look for `dynamodb.item_refused` or `kinesis.item_refused` in the log; has the table other keys, or an index "
        "whose key this item lacks?",
    ),
    "response_too_large": Advice(
        "released, but the answer of a Firehose transformation has no room for it",
        "lower Firehose's `BufferSizeInMBs`; see [the functions' page](lambda.md)",
    ),
    "not_decoded_in_time": Advice(
        "the schema registry of a Firehose transformation did not answer, or its other records took half of its time",
        "replay it; give the function more time, or lower Firehose's `BufferSizeInMBs`",
    ),
    "redactor_died": Advice(
        "the process died twice with this record in the redactor's hand",
        "report it, or the plug-in's author; replay it only with a mended redactor: it would end the replay too",
    ),
    "redactor_timed_out": Advice(
        "the redactor took longer than `redaction.timeout_seconds` for this record alone",
        "report it, or the plug-in's author",
    ),
}
"""Codes of `consumer`."""

BY_SCHEMA: Final = {
    "glue_header_invalid": Advice(
        "does not begin as the libraries of the Glue Schema Registry write it: a 3, and 0 or 5",
        "ask the producer; are there other records on the stream, or has something put an envelope around them?",
    ),
    "glue_payload_corrupt": Advice(
        "its compressed part is damaged, cut short, or followed by something", "ask the producer"
    ),
    "glue_payload_too_large": Advice(
        "its compressed part stands for more than `stream.max_decoded_bytes`, or for 200 times its size",
        "raise the limit if such records are right",
    ),
    "confluent_header_invalid": Advice(
        "does not begin as Confluent's serializers write it: a 0 and four bytes", "as for `glue_header_invalid`"
    ),
    "schema_unknown": Advice(
        "written with a schema that the registry does not know, after a second look",
        "does the worker ask the registry that the producer writes to? Has the schema been deleted? Replay it once it "
        "is there",
    ),
    "schema_unusable": Advice(
        "nothing can be read with the schema that it was written with: broken, too large, or beyond what is understood "
        "(docs/schemas.md)",
        "look at the schema; restart the worker once it is mended in place, which a registry does not do by itself",
    ),
    "avro_invalid": Advice("is not what its schema of Avro says", "ask the producer: another schema's id?"),
    "avro_trailing_bytes": Advice("has bytes after the end of what its schema of Avro says", "as for `avro_invalid`"),
    "avro_duplicate_key": Advice("a key stands twice in a map, so that it has two meanings", "ask the producer"),
    "protobuf_invalid": Advice(
        "is no message of Protobuf, or not of its schema", "ask the producer: another schema's id?"
    ),
    "protobuf_message_unknown": Advice(
        "its schema has no message of the number that it was written with", "as for `protobuf_invalid`"
    ),
    "decoded_not_an_object": Advice("its schema makes something else of it than an object", "ask the producer"),
    "decoded_too_deep": Advice("nested deeper than 64 levels", "ask the producer"),
    "decoded_too_many_values": Advice("more than 100,000 fields and list items", "ask the producer"),
    "decoded_value_unsupported": Advice(
        "NaN, Infinity, a time that no calendar has, or a number of more than 1,000 digits", "ask the producer"
    ),
}
"""Codes of decoding by schemas, in the order in which docs/schemas.md shows them."""

DECODING: Final = {
    "compression_damaged": Advice(
        "compressed, but damaged, cut short, or with something behind its end; or not compressed as the format says",
        "ask the producer",
    ),
    "compression_dictionary": Advice(
        "zstd with a dictionary, without which nobody can read it", "ask the producer to compress without one"
    ),
    "compressed_too_often": Advice("compressed more than twice, one within the other", "ask the producer"),
    "zstd_not_installed": Advice(
        "zstd, in an install that does not read it", 'install the extra "formats", then replay'
    ),
    "decoded_too_large": Advice(
        "would become larger than `stream.max_decoded_bytes`, or 200 times what came, or holds very many documents",
        "raise the setting if such records are right; a record that grows by more is made to do harm",
    ),
    "envelope_empty": Advice(
        "an envelope without a document where one should be",
        "look at what the envelope tells; with `absent: drop` such records are left out",
    ),
    "envelope_content_unusable": Advice(
        "what the envelope holds is neither an object nor a text that is one", "ask the producer"
    ),
    "envelope_field_taken": Advice(
        "the document has a field `envelope` itself, which would pass for what the envelope said",
        "ask the producer, or keep nothing of the envelope",
    ),
    "deletion": Advice(
        "tells that something was deleted, and `deletions: quarantine` asks to see it", "delete it where it is stored"
    ),
    "cloudwatch_logs_malformed": Advice(
        "no record of a subscription of CloudWatch Logs, or an event in it without a message",
        "does something else write to this stream?",
    ),
    "dynamodb_value_unknown": Advice(
        "a value of a type that DynamoDB does not have", "does something else write to this stream?"
    ),
    "decoder_raised": Advice("the decoder, a plug-in, raised an exception", "the plug-in's author"),
    "decoder_invalid_part": Advice(
        "the decoder, a plug-in, gave something that is no part",
        "the plug-in's author; `consumer.decoder_testing` would have told",
    ),
    "decoder_tags_lost": Advice(
        "its schema tags fields, and a decoder behind the schema's does not say where they are now",
        "leave that decoder out of `stream.format`; the author of a plug-in adds the method `moved`",
    ),
}
"""Codes of `consumer.decoding`, in the order in which docs/formats.md shows them."""

ADVICE: Final = REDACTION | WORKER | DECODING | BY_SCHEMA
