package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	"github.com/microsoft/kiota-abstractions-go/store"
	khttp "github.com/microsoft/kiota-http-go"
)

// adapter makes Kiota's calls bounded, bound to one credential, and fit to fail.
//
// Each has a Kiota adapter of its own, which is a few small objects without state;
// what is worth sharing, the connections, is in the transport that all adapters
// of an Auth have in common. So there is no table of adapters that would have to
// forget closed Auths, and no way for two users to meet in one.
type adapter struct {
	kiota   *khttp.NetHttpRequestAdapter
	patient bool  // repeats what Graph was too busy for
	limit   int64 // of an answer, in bytes
}

var _ abstractions.RequestAdapter = (*adapter)(nil)

// maxAnswer bounds an answer. Graph's pages of 999 users are below 2 MB.
const maxAnswer = 8 << 20

func newAdapter(credential azcore.TokenCredential, scopes []string) *adapter {
	root, transport := whereabouts(credential)
	graph, err := parseOrigin(root)
	client := &http.Client{
		Transport: pipeline(&wire{next: transport, graph: graph, replace: replacer(credential, scopes)}),
		// The wire turns redirects into errors; this is for those it lets pass.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	kiota, kiotaErr := khttp.NewNetHttpRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		newAuthenticator(credential, ownCopies(scopes), root, graph, err), parsers, writers, client)
	if kiotaErr != nil {
		panic("graph: " + kiotaErr.Error()) // it only wants an authentication provider, and has one
	}
	kiota.SetBaseUrl(root)
	return &adapter{kiota: kiota, patient: true, limit: maxAnswer}
}

// Send returns the object that Graph answers with.
func (a *adapter) Send(ctx context.Context, info *abstractions.RequestInformation, constructor serialization.ParsableFactory, errs abstractions.ErrorMappings) (serialization.Parsable, error) {
	return run(ctx, a, info, func(ctx context.Context, x *call) (serialization.Parsable, error) {
		object, err := a.kiota.Send(ctx, info, constructor, errs)
		if object == nil && err == nil && info.Method == abstractions.GET && x.status == http.StatusOK {
			// Kiota reads an answer without a type or a body as nil, and the
			// generated code returns that, without an error.
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

// SendNoContent sends a request whose answer does not matter.
func (a *adapter) SendNoContent(ctx context.Context, info *abstractions.RequestInformation, errs abstractions.ErrorMappings) error {
	_, err := run(ctx, a, info, func(ctx context.Context, _ *call) (struct{}, error) {
		return struct{}{}, a.kiota.SendNoContent(ctx, info, errs)
	})
	return err
}

// ConvertToNativeRequest returns an authenticated *http.Request, for the caller to
// send. Only the URL is checked: deadline, limits and errors are the caller's.
func (a *adapter) ConvertToNativeRequest(ctx context.Context, info *abstractions.RequestInformation) (native any, err error) {
	ctx, x := a.newCall(orBackground(ctx))
	defer x.recoverInto(ctx, &err)
	if info != nil && info.PathParameters != nil && info.PathParameters["baseurl"] == "" {
		info.PathParameters["baseurl"] = a.kiota.GetBaseUrl() // Kiota forgets it here
	}
	native, err = a.kiota.ConvertToNativeRequest(ctx, info)
	if err != nil {
		return nil, x.failure(ctx, err)
	}
	forgetToken(info)
	return native, nil
}

// GetSerializationWriterFactory returns what encodes the SDK's models.
func (a *adapter) GetSerializationWriterFactory() serialization.SerializationWriterFactory {
	return a.kiota.GetSerializationWriterFactory()
}

// EnableBackingStore does nothing. Change tracking is on already, and Kiota's
// implementation, which NewGraphServiceClient calls each time, writes a package
// variable that all models read.
func (a *adapter) EnableBackingStore(store.BackingStoreFactory) {}

// SetBaseUrl changes the version of Graph, such as to beta. The host cannot be
// changed: calls to another are refused.
func (a *adapter) SetBaseUrl(base string) {
	a.kiota.SetBaseUrl(strings.TrimSuffix(strings.Clone(base), "/"))
}

// GetBaseUrl returns the root of Graph with the version.
func (a *adapter) GetBaseUrl() string {
	return a.kiota.GetBaseUrl()
}

// defaultTimeout bounds a call whose context has no deadline. Fiber's UserContext
// has none (trap T13), and a page that takes longer has been given up.
const defaultTimeout = 15 * time.Second

// run makes one call of Kiota's: in bounded time, without panics, and with errors
// of ours.
func run[T any](ctx context.Context, a *adapter, info *abstractions.RequestInformation, send func(context.Context, *call) (T, error)) (result T, err error) {
	ctx, x := a.newCall(orBackground(ctx))
	var cancel context.CancelFunc = func() {}
	if _, bounded := ctx.Deadline(); !bounded {
		ctx, cancel = context.WithTimeout(ctx, defaultTimeout)
	}
	if handlesAnswer(ctx, info) {
		// The answer goes out of here unread; the timer ends the call.
		cancel = func() {}
	}
	defer cancel()
	defer forgetToken(info)
	defer x.recoverInto(ctx, &err)
	result, err = send(ctx, x)
	if err != nil {
		var none T
		return none, x.failure(ctx, err)
	}
	return result, nil
}

// newCall begins a call. The context value is placed last, so that no other call's,
// in whose context this one may be made, is found before it.
func (a *adapter) newCall(ctx context.Context) (context.Context, *call) {
	x := &call{limit: a.limit, patient: a.patient}
	return context.WithValue(ctx, callKey{}, x), x
}

func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// handlesAnswer reports whether the caller asked for the raw response.
func handlesAnswer(ctx context.Context, info *abstractions.RequestInformation) bool {
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

// recoverInto turns a panic of Kiota's or the SDK's into an error: they
// dereference what a strange answer leaves out, such as the message of an error
// or the quotes of a claims challenge (traps K1, K2).
func (x *call) recoverInto(ctx context.Context, err *error) {
	if p := recover(); p != nil {
		x.abandon()
		*err = x.failure(ctx, fmt.Errorf("the SDK panicked: %v", p))
	}
}
