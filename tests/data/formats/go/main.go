// Writes recorded samples to the standard output: go run . > ../go.jsonl
package main

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hamba/avro/v2"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

const (
	first  = `{"id":"a","card":"4111111111111111","text":"€ {}"}`
	second = `{"id":"b","amount":12345678901234567890.1}`
)

const proto3 = `
syntax = "proto3";
package shop;
message Visit {
  string page = 1;
  Person person = 2;
  repeated int32 path = 3;
  map<string, Person> friends = 4;
  float share = 5;
  fixed32 code = 6;
  oneof from { string link = 7; int64 advert = 8; }
}
message Person { string name = 1; bytes photo = 2; Person parent = 3; }
`

const descriptor = `
name: "visit.proto" package: "shop" syntax: "proto3"
message_type {
  name: "Visit"
  field { name: "page" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "person" number: 2 type: TYPE_MESSAGE type_name: ".shop.Person" label: LABEL_OPTIONAL }
  field { name: "path" number: 3 type: TYPE_INT32 label: LABEL_REPEATED }
  field { name: "friends" number: 4 type: TYPE_MESSAGE type_name: ".shop.Visit.FriendsEntry" label: LABEL_REPEATED }
  field { name: "share" number: 5 type: TYPE_FLOAT label: LABEL_OPTIONAL }
  field { name: "code" number: 6 type: TYPE_FIXED32 label: LABEL_OPTIONAL }
  field { name: "link" number: 7 type: TYPE_STRING label: LABEL_OPTIONAL oneof_index: 0 }
  field { name: "advert" number: 8 type: TYPE_INT64 label: LABEL_OPTIONAL oneof_index: 0 }
  nested_type {
    name: "FriendsEntry"
    field { name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
    field { name: "value" number: 2 type: TYPE_MESSAGE type_name: ".shop.Person" label: LABEL_OPTIONAL }
    options { map_entry: true }
  }
  oneof_decl { name: "from" }
}
message_type {
  name: "Person"
  field { name: "name" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "photo" number: 2 type: TYPE_BYTES label: LABEL_OPTIONAL }
  field { name: "parent" number: 3 type: TYPE_MESSAGE type_name: ".shop.Person" label: LABEL_OPTIONAL }
}
`

const visits = `{"page":"/a","person":{"name":"x 4111111111111111","photo":"AP8=","parent":{"name":"y","parent":{}}},"path":[-1,0,2147483647],"friends":{"":{"name":"z"},"b":{}},"share":0.1,"code":4294967295,"advert":"0"}`

const schema = `{"type":"record","name":"Trade","namespace":"market","fields":[
 {"name":"id","type":"string"},{"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":20,"scale":6}},
 {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
 {"name":"day","type":{"type":"int","logicalType":"date"}},
 {"name":"legs","type":{"type":"array","items":{"type":"record","name":"Leg","fields":[
   {"name":"side","type":{"type":"enum","name":"Side","symbols":["BUY","SELL"]}},{"name":"size","type":["null","long"]}]}}},
 {"name":"tags","type":{"type":"map","values":["string","double"]}},
 {"name":"of","type":["null","Trade"]}]}`

type leg struct {
	Side string `avro:"side"`
	Size *int64 `avro:"size"`
}

type trade struct {
	ID    string         `avro:"id"`
	Price *big.Rat       `avro:"price"`
	At    time.Time      `avro:"at"`
	Day   time.Time      `avro:"day"`
	Legs  []leg          `avro:"legs"`
	Tags  map[string]any `avro:"tags"`
	Of    *trade         `avro:"of"`
}

func main() {
	by("github.com/hamba/avro/v2")
	put(map[string]any{"schema": "401", "suffix": "avsc", "text": schema})
	avros()
	by("google.golang.org/protobuf")
	put(map[string]any{"schema": "402", "suffix": "proto", "text": proto3})
	protobufs()

	lines := []byte(first + "\n" + second + "\n")
	by("compress/gzip and compress/zlib")
	for _, level := range []int{gzip.HuffmanOnly, gzip.DefaultCompression, gzip.NoCompression, gzip.BestSpeed, 5, gzip.BestCompression} {
		record(fmt.Sprintf("gzip-%d", level), "auto", gzipped(lines, level), first, second)
		record(fmt.Sprintf("zlib-%d", level), "auto", zlibbed(lines, level), first, second)
	}
	by("github.com/klauspost/compress/zstd")
	for _, level := range []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedDefault, zstd.SpeedBestCompression} {
		for _, checked := range []bool{false, true} {
			encoder := must(zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderCRC(checked)))
			record(fmt.Sprintf("zstd-%s-%t", level, checked), "auto", encoder.EncodeAll(lines, nil), first, second)
			var streamed bytes.Buffer
			encoder.Reset(&streamed)
			must(encoder.Write(lines[:10]))
			check(encoder.Flush())
			must(encoder.Write(lines[10:]))
			check(encoder.Close())
			record(fmt.Sprintf("zstd-stream-%s-%t", level, checked), "auto", streamed.Bytes(), first, second)
		}
	}
	padded := must(zstd.NewWriter(nil, zstd.WithEncoderPadding(256)))
	record("zstd-padded", "auto", padded.EncodeAll(lines, nil), first, second)
}

func avros() {
	parsed := must(avro.Parse(schema))
	size := int64(-3)
	made := trade{
		ID: "t-1", Price: big.NewRat(-12345678901, 1000000), At: time.UnixMilli(-1).UTC(),
		Day:  time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
		Legs: []leg{{"BUY", nil}, {"SELL", &size}},
		Tags: map[string]any{"card": "4111111111111111", "rate": 0.1},
	}
	shown := `{"id":"t-1","price":-12345.678901,"at":"1969-12-31T23:59:59.999Z","day":"2024-02-29",` +
		`"legs":[{"side":"BUY","size":null},{"side":"SELL","size":-3}],"tags":{"card":"4111111111111111","rate":0.1},"of":%s}`
	inner := fmt.Sprintf(shown, "null")
	record("avro", "confluent", framed(401, must(avro.Marshal(parsed, made))), inner)
	outer := made
	outer.Of = &made
	record("avro-inner", "confluent", framed(401, must(avro.Marshal(parsed, outer))), fmt.Sprintf(shown, inner))
}

func protobufs() {
	file := &descriptorpb.FileDescriptorProto{}
	check(prototext.Unmarshal([]byte(descriptor), file))
	built := must(protodesc.NewFile(file, nil))
	visit := message(built.Messages().ByName("Visit"), visits)
	record("protobuf", "confluent", framed(402, append([]byte{0}, must(proto.Marshal(visit))...)), visits)
	person := `{"name":"only","parent":{"photo":"AA=="}}`
	payload := append(protowire.AppendVarint(protowire.AppendVarint(nil, protowire.EncodeZigZag(1)), protowire.EncodeZigZag(1)),
		must(proto.Marshal(message(built.Messages().ByName("Person"), person)))...)
	record("protobuf-second", "confluent", framed(402, payload), person)
}

func message(kind protoreflect.MessageDescriptor, text string) proto.Message {
	made := dynamicpb.NewMessage(kind)
	check(protojson.Unmarshal([]byte(text), made))
	return made
}

func gzipped(data []byte, level int) []byte {
	var made bytes.Buffer
	writer := must(gzip.NewWriterLevel(&made, level))
	writer.Name, writer.Comment, writer.Extra = "lines.json", "comment", []byte("xy\x01\x00z")
	must(writer.Write(data))
	check(writer.Close())
	return made.Bytes()
}

func zlibbed(data []byte, level int) []byte {
	var made bytes.Buffer
	writer := must(zlib.NewWriterLevel(&made, level))
	must(writer.Write(data))
	check(writer.Close())
	return made.Bytes()
}

// Confluent, "Wire format": a byte 0 and the id in four bytes.
func framed(id uint32, payload []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, id), payload...)
}

func by(name string) {
	built, _ := debug.ReadBuildInfo()
	for _, each := range built.Deps {
		if strings.HasPrefix(name, each.Path) {
			name += " " + each.Version
		}
	}
	put(map[string]any{"by": name + ", " + runtime.Version()})
}

func record(name string, format any, data []byte, documents ...string) {
	put(map[string]any{"name": name, "format": format, "record": data, "documents": documents})
}

func put(line any) {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	check(encoder.Encode(line))
}

func must[T any](made T, err error) T {
	check(err)
	return made
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
