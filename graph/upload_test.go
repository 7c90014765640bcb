package graph_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go-core/fileuploader"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

const uploadURL = "https://contoso.sharepoint.com/_api/v2.0/drive/items/1/uploadSession?guid='a%2Fb'&tempauth=secret%2B1"

// uploads is the storage of an upload session.
type uploads struct {
	t *testing.T

	mu        sync.Mutex
	content   []byte
	throttled bool
	cancelled bool
}

const uploadSize = 700

func (u *uploads) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	u.mu.Lock()
	defer u.mu.Unlock()
	if r.URL.String() != uploadURL || r.Header.Get("Authorization") != "" {
		u.t.Errorf("%s %s with %q", r.Method, r.URL, r.Header.Get("Authorization"))
	}
	switch r.Method {
	case http.MethodPut:
		u.put(recorder, r)
	case http.MethodDelete:
		u.cancelled = true
		recorder.WriteHeader(http.StatusNoContent)
	default:
		answerJSON(recorder, 200, fmt.Sprintf(`{"expirationDateTime":"2999-01-01T00:00:00Z","nextExpectedRanges":["%d-"]}`, len(u.content)))
	}
	return recorder.Result(), nil
}

func (u *uploads) put(w http.ResponseWriter, r *http.Request) {
	part, err := io.ReadAll(r.Body)
	want := fmt.Sprintf("bytes %d-%d/%d", len(u.content), len(u.content)+len(part)-1, uploadSize)
	switch {
	case err != nil, r.ContentLength != int64(len(part)), r.Header.Get("Content-Range") != want:
		u.t.Errorf("%v, %d of %d bytes, %q in place of %q", err, len(part), r.ContentLength, r.Header.Get("Content-Range"), want)
	case len(u.content) > 0 && !u.throttled:
		u.throttled = true
		w.Header().Set("Retry-After", "0")
		answerJSON(w, 429, `{"error":{"code":"activityLimitReached","message":"m"}}`)
		return
	}
	u.content = append(u.content, part...)
	if len(u.content) == uploadSize {
		answerJSON(w, 201, `{"id":"item"}`)
		return
	}
	answerJSON(w, 202, fmt.Sprintf(`{"expirationDateTime":"2999-01-01T00:00:00Z","nextExpectedRanges":["%d-"]}`, len(u.content)))
}

func newSession(url string, from int) models.UploadSessionable {
	session := models.NewUploadSession()
	session.SetUploadUrl(&url)
	session.SetNextExpectedRanges([]string{fmt.Sprintf("%d-", from)})
	end := time.Now().Add(time.Hour)
	session.SetExpirationDateTime(&end)
	return session
}

func openFile(t *testing.T) (*os.File, []byte) {
	t.Helper()
	content := bytes.Repeat([]byte("0123456"), uploadSize/7)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file, content
}

func TestUploads_OfLargeFilesWork(t *testing.T) {
	t.Parallel()
	store := &uploads{t: t}
	s := newSite(t, nil)
	s.net.foreignTo = store
	file, content := openFile(t)
	s.signIn(t, adele).run(func(c *fiber.Ctx) error {
		task := fileuploader.NewLargeFileUploadTask[models.DriveItemable](graph.Adapter(c), newSession(uploadURL, 0), file, 320,
			models.CreateDriveItemFromDiscriminatorValue, odataMapping)
		result := task.Upload(func(int64, int64) {})
		if !result.GetUploadSucceeded() {
			t.Fatalf("%v", result.GetResponseErrors())
		}
		if id := result.GetItemResponse().GetId(); id == nil || *id != "item" || !bytes.Equal(store.content, content) {
			t.Errorf("%d bytes arrived", len(store.content))
		}
		return nil
	})
}

func TestUploads_CanBeResumedAndCancelled(t *testing.T) {
	t.Parallel()
	store := &uploads{t: t}
	s := newSite(t, nil)
	s.net.foreignTo = store
	file, content := openFile(t)
	store.content = bytes.Clone(content[:320]) // before a restart
	s.signIn(t, adele).run(func(c *fiber.Ctx) error {
		task := fileuploader.NewLargeFileUploadTask[models.DriveItemable](graph.Adapter(c), newSession(uploadURL, 0), file, 320,
			models.CreateDriveItemFromDiscriminatorValue, odataMapping)
		result, err := task.Resume(func(int64, int64) {})
		if err != nil || !result.GetUploadSucceeded() || !bytes.Equal(store.content, content) {
			t.Errorf("%v, %d bytes arrived", err, len(store.content))
		}
		if err := task.Cancel(); err != nil || !store.cancelled {
			t.Errorf("cancelled: %v", err)
		}
		return nil
	})
}

// No other request leaves Graph, and an upload does not reach a private network.
func TestC8_UploadsGoToPublicHTTPSHostsOnly(t *testing.T) {
	t.Parallel()
	part := func(url string) *abstractions.RequestInformation {
		info := abstractions.NewRequestInformation()
		info.Method, info.UrlTemplate = abstractions.PUT, url
		info.Headers.Add("Content-Range", "bytes 0-1/2")
		info.SetStreamContentAndContentType([]byte("ab"), "application/octet-stream")
		return info
	}
	get := part("https://evil.example/v1.0/me")
	get.Method = abstractions.GET
	post := part("https://evil.example/v1.0/me")
	post.Method = abstractions.POST
	plain := part("https://evil.example/v1.0/me")
	plain.Headers.Remove("Content-Range")
	for name, info := range map[string]*abstractions.RequestInformation{
		"http": part("http://contoso.sharepoint.com/upload"), "private": part("https://10.0.0.1/upload"), "loopback": part("https://127.0.0.1/upload"),
		"localhost": part("https://localhost/upload"), "user": part("https://user@contoso.sharepoint.com/"), "metadata": part("https://169.254.169.254/"),
		"GET": get, "POST": post, "without a range": plain,
	} {
		s := newSite(t, nil)
		err := s.signIn(t, adele).failure(func(c *fiber.Ctx) error {
			return errOf(graph.Adapter(c).Send(c.UserContext(), info, models.CreateDriveItemFromDiscriminatorValue, odataMapping))
		})
		if !errors.Is(err, graph.ErrForeignURL) || len(s.net.foreignURLs()) != 0 || s.entra.Count(entratest.GraphOther) != 0 {
			t.Errorf("%s: %v; requests went to %v", name, err, s.net.foreignURLs())
		}
	}
}

func TestUploads_AnExpiredSessionIsNoReasonToSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.net.foreignTo = &storage{answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="`)
		answerJSON(w, 401, `{"error":{"code":"unauthenticated","message":"The upload session has expired"}}`)
	}}
	err := s.signIn(t, adele).failure(func(c *fiber.Ctx) error {
		return fileuploader.NewLargeFileUploadTask[models.DriveItemable](graph.Adapter(c), newSession(uploadURL, 0), nil, 320,
			models.CreateDriveItemFromDiscriminatorValue, odataMapping).RefreshUploadStatus()
	})
	if e := asError(t, err); !errors.Is(err, graph.ErrAccessDenied) || e.Reason != "unauthenticated" || strings.Contains(e.LogValue().String(), "tempauth") {
		t.Errorf("got %v", e.LogValue())
	}
}
