package entratest_test

import (
	"image/jpeg"
	"strings"
	"testing"
)

func TestGraph_ServesPhotosBySize(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for path, want := range map[string]int{
		"/me/photo/$value": 432, "/me/photos/48x48/$value": 48, "/me/photos/240X240/$value": 240, "/me/photos/648x648/$value": 432,
	} {
		a := get(t, s, s.GraphURL+path, "Authorization: Bearer "+s.Issue("adelev@contoso.com"))
		picture, err := jpeg.Decode(strings.NewReader(a.body))
		if err != nil || a.Header.Get("Content-Type") != "image/jpeg" || a.Header.Get("ETag") == "" {
			t.Fatalf("%s: %v %v", path, err, a.Header)
		}
		if got := picture.Bounds().Dx(); got != want {
			t.Errorf("%s is %d wide, want %d", path, got, want)
		}
	}
}
