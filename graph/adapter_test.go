package graph_test

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/gofiber/fiber/v2"
	abstractions "github.com/microsoft/kiota-abstractions-go"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

func TestAdapter_MakesAClientOfTheWholeSDK(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.signIn(t, adele).run(func(c *fiber.Ctx) error {
		adapter := graph.Adapter(c)
		adapter.EnableBackingStore(nil) // as NewGraphServiceClient does
		if adapter.GetBaseUrl() != s.entra.GraphURL {
			t.Errorf("the base is %q", adapter.GetBaseUrl())
		}
		if adapter.GetSerializationWriterFactory() == nil {
			t.Error("there is no writer")
		}
		native, err := adapter.ConvertToNativeRequest(c.UserContext(), meRequest())
		if err != nil {
			t.Fatal(err)
		}
		r, ok := native.(*http.Request)
		if !ok || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") || r.URL.Host != "graph.entra.test" {
			t.Errorf("got %T", native)
		}
		return nil
	})
}

// No table keeps references to the clients of closed apps.
func TestAdapters_DoNotKeepAnAuthInMemory(t *testing.T) {
	t.Parallel()
	gone := func() weak.Pointer[entratest.Server] {
		entra := entratest.New()
		if _, err := graph.MeFor(fixedCredential{entra, entra.Issue(adele), entra.HTTPClient}).Get(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		return weak.Make(entra)
	}()
	for range 100 {
		runtime.GC()
		if gone.Value() == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the server is still in memory")
}

// A caller may read a native response after the call has ended.
func TestAdapter_LeavesRawAnswersOpen(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.signIn(t, adele).run(func(c *fiber.Ctx) error {
		var raw *http.Response
		info := meRequest()
		option := abstractions.NewRequestHandlerOption()
		option.SetResponseHandler(func(response any, _ abstractions.ErrorMappings) (any, error) {
			raw, _ = response.(*http.Response)
			return nil, nil
		})
		info.AddRequestOptions([]abstractions.RequestOption{option})
		if err := graph.Adapter(c).SendNoContent(c.UserContext(), info, odataMapping); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = raw.Body.Close() }()
		body, err := io.ReadAll(raw.Body)
		if err != nil || !strings.Contains(string(body), "Adele Vance") {
			t.Errorf("got %v %q", err, body)
		}
		return nil
	})
}
