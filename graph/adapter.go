package graph

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	"github.com/microsoft/kiota-abstractions-go/store"
	khttp "github.com/microsoft/kiota-http-go"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

// adapter bounds Kiota's calls, binds them to one credential, and returns their failures as
// errors of the library.
//
// Each adapter has a Kiota adapter of its own, which consists of a few small objects without
// state. What is worth sharing, the connections, is in the transport that all adapters of an app
// have in common. So there is no table of adapters from which closed apps would have to be
// removed, and two users cannot share an entry of it.
type adapter struct {
	kiota   *khttp.NetHttpRequestAdapter
	retries bool  // whether a busy Graph is tried again
	limit   int64 // of a response, in bytes
}

var _ abstractions.RequestAdapter = (*adapter)(nil)

// maxResponse bounds a response. Graph's pages of 999 users are below 2 MB.
const maxResponse = 8 << 20

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
	client := &http.Client{
		Transport: withMiddlewares(&transport{next: next, graph: graph, replace: replacement(credential, scopes)}),
		// The transport turns redirects into errors; this is for those that it lets pass.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	kiota, err := khttp.NewNetHttpRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		provider, parsers, writers, client)
	if err != nil {
		panic("graph: " + err.Error()) // it fails only without an authentication provider
	}
	kiota.SetBaseUrl(root)
	return &adapter{kiota: kiota, retries: true, limit: maxResponse}
}

// Send returns the object that Graph answers with.
func (a *adapter) Send(ctx context.Context, info *abstractions.RequestInformation, constructor serialization.ParsableFactory, errs abstractions.ErrorMappings) (serialization.Parsable, error) {
	return run(ctx, a, info, func(ctx context.Context, c *call) (serialization.Parsable, error) {
		object, err := a.kiota.Send(ctx, info, constructor, errs)
		if object == nil && err == nil && info.Method == abstractions.GET && c.status == http.StatusOK {
			// Kiota returns nil for a response without a type or a body, and so does the
			// generated code, without an error.
			return nil, errors.New("the answer is empty")
		}
		return object, err
	})
}

// SendEnum returns the enumeration value that Graph answers with.
func (a *adapter) SendEnum(ctx context.Context, info *abstractions.RequestInformation, parser serialization.EnumFactory, errs abstractions.ErrorMappings) (any, error) {
	return run(ctx, a, info, func(ctx context.Context, _ *call) (any, error) {
		return a.kiota.SendEnum(ctx, info, parser, errs)
	})
}

// SendCollection returns the objects that Graph answers with.
func (a *adapter) SendCollection(ctx context.Context, info *abstractions.RequestInformation, constructor serialization.ParsableFactory, errs abstractions.ErrorMappings) ([]serialization.Parsable, error) {
	return run(ctx, a, info, func(ctx context.Context, _ *call) ([]serialization.Parsable, error) {
		return a.kiota.SendCollection(ctx, info, constructor, errs)
	})
}

// SendEnumCollection returns the enumeration values that Graph answers with.
func (a *adapter) SendEnumCollection(ctx context.Context, info *abstractions.RequestInformation, parser serialization.EnumFactory, errs abstractions.ErrorMappings) ([]any, error) {
	return run(ctx, a, info, func(ctx context.Context, _ *call) ([]any, error) {
		return a.kiota.SendEnumCollection(ctx, info, parser, errs)
	})
}

// SendPrimitive returns the value that Graph answers with, bytes for example.
func (a *adapter) SendPrimitive(ctx context.Context, info *abstractions.RequestInformation, typeName string, errs abstractions.ErrorMappings) (any, error) {
	return run(ctx, a, info, func(ctx context.Context, _ *call) (any, error) {
		return a.kiota.SendPrimitive(ctx, info, typeName, errs)
	})
}

// SendPrimitiveCollection returns the values that Graph answers with.
func (a *adapter) SendPrimitiveCollection(ctx context.Context, info *abstractions.RequestInformation, typeName string, errs abstractions.ErrorMappings) ([]any, error) {
	return run(ctx, a, info, func(ctx context.Context, _ *call) ([]any, error) {
		return a.kiota.SendPrimitiveCollection(ctx, info, typeName, errs)
	})
}

// SendNoContent sends a request whose response has no content.
func (a *adapter) SendNoContent(ctx context.Context, info *abstractions.RequestInformation, errs abstractions.ErrorMappings) error {
	_, err := run(ctx, a, info, func(ctx context.Context, _ *call) (struct{}, error) {
		return struct{}{}, a.kiota.SendNoContent(ctx, info, errs)
	})
	return err
}

// ConvertToNativeRequest returns an authenticated *http.Request for the caller to send. Only its
// URL is checked: deadline, limits and errors are up to the caller.
func (a *adapter) ConvertToNativeRequest(ctx context.Context, info *abstractions.RequestInformation) (native any, err error) {
	ctx, c := withCall(orBackground(ctx), a.limit, a.retries)
	defer c.recoverInto(ctx, &err)
	if info != nil && info.PathParameters != nil && info.PathParameters["baseurl"] == "" {
		info.PathParameters["baseurl"] = a.kiota.GetBaseUrl() // Kiota does not set it here
	}
	native, err = a.kiota.ConvertToNativeRequest(ctx, info)
	if err != nil {
		return nil, c.failure(ctx, err)
	}
	removeToken(info)
	return native, nil
}

// GetSerializationWriterFactory returns the factory that encodes the SDK's models.
func (a *adapter) GetSerializationWriterFactory() serialization.SerializationWriterFactory {
	return a.kiota.GetSerializationWriterFactory()
}

// EnableBackingStore does nothing. Change tracking is on already, and Kiota's implementation,
// which NewGraphServiceClient calls each time, writes a package variable that all models read.
func (a *adapter) EnableBackingStore(store.BackingStoreFactory) {}

// SetBaseUrl changes the version of Graph, such as to beta. The host cannot be changed: calls to
// another host return [ErrForeignURL].
func (a *adapter) SetBaseUrl(base string) {
	a.kiota.SetBaseUrl(strings.TrimSuffix(strings.Clone(base), "/"))
}

// GetBaseUrl returns the root of Graph with the version.
func (a *adapter) GetBaseUrl() string {
	return a.kiota.GetBaseUrl()
}

// defaultTimeout bounds a call whose context has no deadline, as that of a Fiber request (trap
// T13). A user does not wait longer for a page.
const defaultTimeout = 15 * time.Second

// run makes one call of Kiota in bounded time, without panics, and with the library's errors.
func run[T any](ctx context.Context, a *adapter, info *abstractions.RequestInformation, send func(context.Context, *call) (T, error)) (result T, err error) {
	ctx, c := withCall(orBackground(ctx), a.limit, a.retries)
	var cancel context.CancelFunc = func() {}
	if _, bounded := ctx.Deadline(); !bounded {
		ctx, cancel = context.WithTimeout(ctx, defaultTimeout)
	}
	if wantsRawResponse(ctx, info) {
		// The response is returned before it has been read; the timer ends the call.
		cancel = func() {}
	}
	defer cancel()
	defer removeToken(info)
	defer c.recoverInto(ctx, &err)
	result, err = send(ctx, c)
	if err != nil {
		var none T
		return none, c.failure(ctx, err)
	}
	return result, nil
}

func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// wantsRawResponse reports whether the caller handles the *http.Response.
func wantsRawResponse(ctx context.Context, info *abstractions.RequestInformation) bool {
	if ctx.Value(abstractions.ResponseHandlerOptionKey) != nil {
		return true
	}
	if info == nil {
		return false
	}
	for _, o := range info.GetRequestOptions() {
		if o.GetKey() == abstractions.ResponseHandlerOptionKey {
			return true
		}
	}
	return false
}
