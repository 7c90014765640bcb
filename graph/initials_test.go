package graph_test

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestInitials_OfNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Adele Vance": "AV", "adele vance": "AV", "Jean-Luc van der Berg": "JB", "Miles O'Brien": "MO",
		"Adele Vance (Contoso)": "AV", "(Contoso) Adele": "CA", "Cher": "C", "王小明": "王", "Ольга Иванова": "ОИ",
		"  Adele   Vance  ": "AV", "Łukasz Żak": "ŁŻ", "<b> & \"x\"": "BX", "R2 D2": "RD", "Vance, Adele": "VA",
		"!!!": "", "👩‍💻": "", "\x00\x1b": "", "</title><script>alert(1)</script>": "TA",
	} {
		user := entratest.User{ID: "00000000-0000-4000-8000-000000000001", UPN: "x@contoso.com", DisplayName: name}
		s := newSite(t, nil, entratest.WithUsers(user))
		got := s.signIn(t, user.UPN).Get("/user/photo")
		drawn := parseSVG(t, got.Text)
		if want != drawn.Text || (want == "" && !strings.Contains(got.Text, "<circle")) {
			t.Errorf("%q: drawn is %q", name, drawn.Text)
		}
		if strings.Contains(got.Text, "<script") {
			t.Errorf("%q: %s", name, got.Text)
		}
	}
}

func TestInitials_HaveAColourOfTheUsersOwn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.entra.Fault(entratest.GraphPhoto, entratest.Fault{Status: 404})
	colours := map[string]bool{}
	for _, u := range s.entra.Users() {
		first, second := s.signIn(t, u.UPN).Get("/user/photo").Text, s.signIn(t, u.UPN).Get("/user/photo").Text
		if first != second {
			t.Errorf("%s looks different each time", u.UPN)
		}
		colours[parseSVG(t, first).Stops[0].Colour] = true
	}
	if len(colours) < 4 {
		t.Errorf("everybody shares %d colours", len(colours))
	}
}

type svg struct {
	XMLName xml.Name `xml:"http://www.w3.org/2000/svg svg"`
	Text    string   `xml:"text"`
	Stops   []struct {
		Colour string `xml:"stop-color,attr"`
	} `xml:"defs>linearGradient>stop"`
}

func parseSVG(t *testing.T, source string) svg {
	t.Helper()
	var drawn svg
	if err := xml.Unmarshal([]byte(source), &drawn); err != nil {
		t.Fatalf("not XML: %v\n%s", err, source)
	}
	return drawn
}
