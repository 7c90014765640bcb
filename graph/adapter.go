package graph

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	"github.com/microsoft/kiota-abstractions-go/store"
	khttp "github.com/microsoft/kiota-http-go"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

// adapter limits Kiota's calls in time and size, binds them to one credential, and converts their
// failures to errors of the library.
//
// Each adapter creates its own Kiota adapter, which consists of a few small stateless objects. The
// connections, which are worth sharing, are in the transport that all adapters of an app use. So there
// is no table of adapters from which closed apps would have to be removed and in which two users could
// share an entry.
type adapter struct {
	kiota            *khttp.NetHttpRequestAdapter
	beta             func() *khttp.NetHttpRequestAdapter
	root             string // of Graph, with the version
	transport        *transport
	retries          bool  // whether calls are retried while Graph is busy
	followsDownloads bool  // whether redirects of downloads are followed
	limit            int64 // of a response, in bytes
}

var _ abstractions.RequestAdapter = (*adapter)(nil)

func newAdapter(credential azcore.TokenCredential, scopes []string) *adapter {
	scopes = cloneAll(scopes)
	root, next := locateGraph(credential)
	graph, err := parseOrigin(root)
	var provider *authenticator
	if err != nil {
		provider = &authenticator{err: autherr.Misconfigured.New("graph_url", err)}
	} else {
		provider = newAuthenticator(credential, scopes, root, graph)
	}
	last := &transport{next: next, graph: graph, replace: replacement(credential, scopes)}
	client := &http.Client{
		Transport: withMiddlewares(last),
		// The transport turns redirects into errors; this is for those that it lets pass.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &adapter{
		kiota: newKiota(provider, client, root),
		beta: sync.OnceValue(func() *khttp.NetHttpRequestAdapter {
			return newKiota(provider, client, root[:strings.LastIndexByte(root, '/')]+"/beta")
		}),
		root: root, transport: last, retries: true, followsDownloads: true, limit: maxResponse,
	}
}

func newKiota(provider *authenticator, client *http.Client, base string) *khttp.NetHttpRequestAdapter {
	kiota, err := khttp.NewNetHttpRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		provider, parsers, writers, client)
	if err != nil {
		panic("graph: " + err.Error()) // it fails only without an authentication provider
	}
	kiota.SetBaseUrl(base)
	return kiota
}

// Send returns the object in Graph's response.
func (a *adapter) Send(ctx context.Context, info *abstractions.RequestInformation, constructor serialization.ParsableFactory, errs abstractions.ErrorMappings) (serialization.Parsable, error) {
	errs = orODataErrors(errs)
	kiota := a.kiotaFor(constructor, errs)
	upload := asUpload(info, constructor)
	return run(ctx, a, info, func(ctx context.Context, c *call, info *abstractions.RequestInformation) (serialization.Parsable, error) {
		c.upload = upload && !a.transport.graph.owns(info)
		object, err := kiota.Send(ctx, info, constructor, errs)
		if err == nil && object == nil && c.lacksObject(ctx, info) {
			// For a response without a type or a body, Kiota and the generated code return nil without
			// an error.
			return nil, errors.New("the answer is empty")
		}
		completeBatch(object)
		return object, err
	})
}

// SendEnum returns the enumeration value in Graph's response.
func (a *adapter) SendEnum(ctx context.Context, info *abstractions.RequestInformation, parser serialization.EnumFactory, errs abstractions.ErrorMappings) (any, error) {
	errs = orODataErrors(errs)
	return run(ctx, a, info, func(ctx context.Context, _ *call, info *abstractions.RequestInformation) (any, error) {
		return a.kiotaFor(nil, errs).SendEnum(ctx, info, parser, errs)
	})
}

// SendCollection returns the objects in Graph's response.
func (a *adapter) SendCollection(ctx context.Context, info *abstractions.RequestInformation, constructor serialization.ParsableFactory, errs abstractions.ErrorMappings) ([]serialization.Parsable, error) {
	errs = orODataErrors(errs)
	return run(ctx, a, info, func(ctx context.Context, _ *call, info *abstractions.RequestInformation) ([]serialization.Parsable, error) {
		return a.kiotaFor(constructor, errs).SendCollection(ctx, info, constructor, errs)
	})
}

// SendEnumCollection returns the enumeration values in Graph's response.
func (a *adapter) SendEnumCollection(ctx context.Context, info *abstractions.RequestInformation, parser serialization.EnumFactory, errs abstractions.ErrorMappings) ([]any, error) {
	errs = orODataErrors(errs)
	return run(ctx, a, info, func(ctx context.Context, _ *call, info *abstractions.RequestInformation) ([]any, error) {
		return a.kiotaFor(nil, errs).SendEnumCollection(ctx, info, parser, errs)
	})
}

// SendPrimitive returns the value in Graph's response. A value of type []byte is the content of a file,
// for which Graph may redirect to a storage.
func (a *adapter) SendPrimitive(ctx context.Context, info *abstractions.RequestInformation, typeName string, errs abstractions.ErrorMappings) (any, error) {
	errs = orODataErrors(errs)
	return run(ctx, a, info, func(ctx context.Context, c *call, info *abstractions.RequestInformation) (any, error) {
		c.download = c.download || a.followsDownloads && typeName == bytesType && info != nil && info.Method == abstractions.GET
		return a.kiotaFor(nil, errs).SendPrimitive(ctx, info, typeName, errs)
	})
}

// bytesType is Kiota's name for the type of a file's content.
const bytesType = "[]byte"

// SendPrimitiveCollection returns the values in Graph's response.
func (a *adapter) SendPrimitiveCollection(ctx context.Context, info *abstractions.RequestInformation, typeName string, errs abstractions.ErrorMappings) ([]any, error) {
	errs = orODataErrors(errs)
	return run(ctx, a, info, func(ctx context.Context, _ *call, info *abstractions.RequestInformation) ([]any, error) {
		return a.kiotaFor(nil, errs).SendPrimitiveCollection(ctx, info, typeName, errs)
	})
}

// SendNoContent sends a request whose response has no content.
func (a *adapter) SendNoContent(ctx context.Context, info *abstractions.RequestInformation, errs abstractions.ErrorMappings) error {
	errs = orODataErrors(errs)
	upload := asUpload(info, nil)
	_, err := run(ctx, a, info, func(ctx context.Context, c *call, info *abstractions.RequestInformation) (struct{}, error) {
		c.upload = upload && !a.transport.graph.owns(info)
		return struct{}{}, a.kiotaFor(nil, errs).SendNoContent(ctx, info, errs)
	})
	return err
}

// ConvertToNativeRequest returns an authenticated *http.Request for the caller to send. Only its URL is
// checked; the caller is responsible for the deadline, limits and errors.
func (a *adapter) ConvertToNativeRequest(ctx context.Context, info *abstractions.RequestInformation) (native any, err error) {
	c := a.newCall(info)
	ctx = c.in(orBackground(ctx))
	defer c.recoverInto(ctx, &err)
	if info != nil && info.PathParameters != nil && info.PathParameters["baseurl"] == "" {
		info.PathParameters["baseurl"] = a.kiota.GetBaseUrl() // Kiota does not set it here
	}
	native, err = a.kiota.ConvertToNativeRequest(ctx, ownRequest(info))
	if err != nil {
		return nil, c.failure(ctx, err)
	}
	removeToken(info)
	if r, ok := native.(*http.Request); ok {
		native = c.repeatable(r)
	}
	return native, nil
}

// GetSerializationWriterFactory returns the factory that encodes the SDK's models.
func (a *adapter) GetSerializationWriterFactory() serialization.SerializationWriterFactory {
	return a.kiota.GetSerializationWriterFactory()
}

// EnableBackingStore does nothing. Change tracking is already on, and Kiota's implementation, which
// every NewGraphServiceClient calls, writes to a package variable that all models read.
func (a *adapter) EnableBackingStore(store.BackingStoreFactory) {}

// SetBaseUrl changes the version of Graph, for example to beta. The host cannot be changed; calls to
// another host return [ErrForeignURL].
func (a *adapter) SetBaseUrl(base string) {
	a.kiota.SetBaseUrl(strings.TrimSuffix(strings.Clone(base), "/"))
}

// GetBaseUrl returns the root URL of Graph with the version.
func (a *adapter) GetBaseUrl() string {
	return a.kiota.GetBaseUrl()
}
