package fibermsal_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

// inLanguages returns a request of a browser with preferred languages.
func inLanguages(r *http.Request, accepted string) *http.Request {
	r.Header.Set("Accept-Language", accepted)
	return r
}

// varies lists the headers on which a response depends.
func varies(a *answer) []string {
	return strings.FieldsFunc(strings.Join(a.Header.Values("Vary"), ","), func(r rune) bool { return r == ',' || r == ' ' })
}

func TestLanguage_OfPagesIsTheUsers(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t), keepFragment)
	b := s.browser()
	for accepted, want := range map[string]struct{ tag, question, forbidden, action, next string }{
		"":                        {"en", "Do you want to sign out?", "Your account may not do this.", "Home page", ">Sign in</a>"},
		"nl":                      {"en", "Stay signed in", "Your account may not do this.", "Home page", ">Sign in</a>"},
		"de-CH,de;q=0.9":          {"de", "Möchten Sie sich abmelden?", "Ihr Konto ist dazu nicht berechtigt.", "Startseite", ">Anmelden</a>"},
		"fr-CA":                   {"fr", "Rester connecté", "Votre compte n’est pas autorisé", "Page d’accueil", ">Se connecter</a>"},
		"es":                      {"es", "¿Quiere cerrar sesión?", "Su cuenta no tiene permiso", "Página principal", ">Iniciar sesión</a>"},
		"nl;q=0.9, pt;q=0.8":      {"pt-BR", "Deseja sair?", "Sua conta não tem permissão", "Página inicial", ">Entrar</a>"},
		"ja":                      {"ja", "サインアウトしますか?", "お使いのアカウントには、この操作を行う権限がありません。", "ホーム ページ", ">サインイン</a>"},
		"zh-CN,zh;q=0.9,en;q=0.8": {"zh-Hans", "是否要注销？", "您的帐户无权执行此操作。", "主页", ">登录</a>"},
	} {
		for _, row := range []struct {
			request *http.Request
			texts   []string
		}{
			{browsertest.CrossSite(navigation(http.MethodGet, "/user/logout")), []string{want.question}},
			{navigation(http.MethodGet, "/own"), []string{want.forbidden, want.action}},
			{navigation(http.MethodGet, "/user/login?to=/guarded"), []string{want.next}},
		} {
			a := b.Send(inLanguages(row.request, accepted))
			if !strings.Contains(a.Text, `<html lang="`+want.tag+`" dir="ltr">`) || a.Header.Get("Content-Language") != want.tag {
				t.Errorf("%q: %v\n%s", accepted, a.Header, a.Text)
			}
			for _, header := range []string{"Accept-Language", "Cookie"} {
				if !slices.Contains(varies(a), header) {
					t.Errorf("%q: does not vary by %s: %v", accepted, header, a.Header)
				}
			}
			for _, text := range row.texts {
				if !strings.Contains(a.Text, text) {
					t.Errorf("%q: %q is not in\n%s", accepted, text, a.Text)
				}
			}
		}
	}
}

// Programs read the title of problem+json in logs and tests, so it is in English for all users.
func TestLanguage_OfProblemsIsEnglish(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t))
	r := inLanguages(navigation(http.MethodGet, "/own"), "de")
	r.Header.Set("Accept", "application/json")
	a := s.browser().Send(r)
	var problem struct{ Title string }
	if err := json.Unmarshal([]byte(a.Text), &problem); err != nil || problem.Title != "Your account may not do this." || slices.Contains(varies(a), "Accept-Language") || a.Header.Get("Content-Language") != "" {
		t.Errorf("%v %v %s", err, a.Header, a.Text)
	}
}

func TestLanguage_IsThatOfTheAppsPages(t *testing.T) {
	t.Parallel()
	var drawn fibermsal.Page
	s := newInteractiveSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.Pages = func(c *fiber.Ctx, p fibermsal.Page) error {
			drawn = p
			return c.SendString("ours")
		}
	})
	a := s.browser().Send(inLanguages(navigation(http.MethodGet, "/own"), "fr"))
	if drawn.Language != "fr" || drawn.Message != "Votre compte n’est pas autorisé à effectuer cette action." || !slices.Contains(varies(a), "Accept-Language") || a.Header.Get("Content-Language") != "fr" {
		t.Errorf("%+v\n%v", drawn, a.Header)
	}
}

// If an app replaces a message, the app's own text is not translated.
func TestLanguage_TheAppsMessagesStayAsTheyAre(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.app.Get("/ours", func(*fiber.Ctx) error {
		return &fibermsal.Error{Code: "ours", Status: http.StatusTeapot, Message: "Kettle <only>."}
	})
	a := s.browser().Send(inLanguages(navigation(http.MethodGet, "/ours"), "de"))
	if a.StatusCode != http.StatusTeapot || !strings.Contains(a.Text, "<h1>Kettle &lt;only&gt;.</h1>") || !strings.Contains(a.Text, "Startseite") {
		t.Errorf("%d %s", a.StatusCode, a.Text)
	}
}

func TestLanguage_ValuesAreIsolated(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, b *browser) {
		t.Helper()
		response, err := b.idp.SignIn(b.consentURL("contoso.com"), administrator)
		if err != nil {
			t.Fatal(err)
		}
		a := b.Send(inLanguages(response.Request(), "de"))
		if !strings.Contains(a.Text, "der Organisation <bdi>contoso.com</bdi>.") {
			t.Errorf("%s", a.Text)
		}
	})
}
