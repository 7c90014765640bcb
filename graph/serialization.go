package graph

import (
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	form "github.com/microsoft/kiota-serialization-form-go"
	json "github.com/microsoft/kiota-serialization-json-go"
	multipart "github.com/microsoft/kiota-serialization-multipart-go"
	text "github.com/microsoft/kiota-serialization-text-go"
)

// parsers and writers are used instead of Kiota's global registries, which are read without their lock
// while any other new client in the process writes to them. Like the SDK's own client they track
// changes, so that a PATCH sends only the properties that were set.
var (
	parsers = abstractions.EnableBackingStoreForParseNodeFactory(newParsers())
	writers = abstractions.EnableBackingStoreForSerializationWriterFactory(newWriters())
)

func newParsers() serialization.ParseNodeFactory {
	registry := serialization.NewParseNodeFactoryRegistry()
	registry.ContentTypeAssociatedFactories["application/json"] = newJSONParser()
	registry.ContentTypeAssociatedFactories["text/plain"] = text.NewTextParseNodeFactory()
	registry.ContentTypeAssociatedFactories["application/x-www-form-urlencoded"] = form.NewFormParseNodeFactory()
	return registry
}

func newWriters() serialization.SerializationWriterFactory {
	registry := serialization.NewSerializationWriterFactoryRegistry()
	registry.ContentTypeAssociatedFactories["application/json"] = json.NewJsonSerializationWriterFactory()
	registry.ContentTypeAssociatedFactories["text/plain"] = text.NewTextSerializationWriterFactory()
	registry.ContentTypeAssociatedFactories["application/x-www-form-urlencoded"] = form.NewFormSerializationWriterFactory()
	registry.ContentTypeAssociatedFactories["multipart/form-data"] = multipart.NewMultipartSerializationWriterFactory()
	return registry
}

// init also fills the global registries, for the SDK's batches and helpers, which use only these. It
// runs before main, so that NewGraphServiceClient in later requests has nothing left to write while
// other goroutines read.
func init() {
	abstractions.RegisterDefaultSerializer(func() serialization.SerializationWriterFactory { return json.NewJsonSerializationWriterFactory() })
	abstractions.RegisterDefaultSerializer(func() serialization.SerializationWriterFactory { return text.NewTextSerializationWriterFactory() })
	abstractions.RegisterDefaultSerializer(func() serialization.SerializationWriterFactory { return form.NewFormSerializationWriterFactory() })
	abstractions.RegisterDefaultSerializer(func() serialization.SerializationWriterFactory {
		return multipart.NewMultipartSerializationWriterFactory()
	})
	abstractions.RegisterDefaultDeserializer(func() serialization.ParseNodeFactory { return json.NewJsonParseNodeFactory() })
	abstractions.RegisterDefaultDeserializer(func() serialization.ParseNodeFactory { return text.NewTextParseNodeFactory() })
	abstractions.RegisterDefaultDeserializer(func() serialization.ParseNodeFactory { return form.NewFormParseNodeFactory() })
}
