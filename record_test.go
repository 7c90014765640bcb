package fibermsal_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal"
)

func TestE1_NothingReadableIsStored(t *testing.T) {
	t.Parallel()
	l := newLedger()
	s := newSite(t, newIDP(t), onLedger(l))
	canaries := []string{"canary", "contoso", "Adele", "access_token", "AccessToken", "home_account_id"}
	for _, login := range []string{adele, alex} {
		b := s.browser()
		b.signIn(login)
		user, _ := s.idp.User(login)
		canaries = append(canaries, user.ID, user.UPN, user.DisplayName, b.session())
	}
	canaries = append(canaries, s.idp.Secrets()...)
	l.change(func(values map[string][]byte) {
		for key, value := range values {
			text := key + string(value)
			for _, canary := range canaries {
				// In base64 the same bytes can begin at three offsets.
				for offset := range 3 {
					encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", offset) + canary))
					if canary != "" && (strings.Contains(text, canary) || len(encoded) > 14 && strings.Contains(text, encoded[4:len(encoded)-4])) {
						t.Errorf("%q is readable under %s", canary, key)
					}
				}
			}
		}
	})
}

func TestE2_RecordsOpenOnlyInTheirOwnPlace(t *testing.T) {
	t.Parallel()
	for name, swap := range map[string]func(l *ledger, mine, theirs string){
		"another user's session": func(l *ledger, mine, theirs string) { l.copy(theirs+":s", mine+":s") },
		"another user's tokens":  func(l *ledger, mine, theirs string) { l.copy(theirs+":t", mine+":t") },
		"tokens as a session":    func(l *ledger, mine, _ string) { l.copy(mine+":t", mine+":s") },
		"a session as tokens":    func(l *ledger, mine, _ string) { l.copy(mine+":s", mine+":t") },
		"version byte":           func(l *ledger, mine, _ string) { l.flip(mine+":s", plainHeader) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger()
			s := newSite(t, newIDP(t), onLedger(l))
			mine, theirs := s.browser(), s.browser()
			mine.signIn(adele)
			prefix := strings.TrimSuffix(l.key("s"), ":s")
			theirs.signIn(alex)
			other := ""
			for _, key := range l.keys() {
				if strings.HasSuffix(key, ":s") && !strings.HasPrefix(key, prefix) {
					other = strings.TrimSuffix(key, ":s")
				}
			}
			swap(l, prefix, other)
			if user := mine.user(); user == alex {
				t.Errorf("signed in as %s", user)
			}
			a := mine.Get("/token")
			if a.StatusCode != http.StatusUnauthorized {
				t.Errorf("token: status %d %s", a.StatusCode, a.Text)
			}
			if !strings.Contains(s.log.String(), "seal_mismatch") {
				t.Errorf("not logged:\n%s", s.log)
			}
		})
	}
}

// plainHeader is the number of bytes before a ciphertext in a storage other than Redis.
const plainHeader = 13

func (l *ledger) copy(from, to string) {
	l.change(func(values map[string][]byte) { values[to] = values[from] })
}

func (l *ledger) flip(key string, i int) {
	l.change(func(values map[string][]byte) {
		changed := append([]byte{}, values[key]...)
		changed[i] ^= 1
		values[key] = changed
	})
}

func TestE4_PlaintextIsNeverParsed(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	forged, err := json.Marshal(map[string]any{
		"user":    map[string]any{"tid": idp.TenantID, "oid": "admin", "sub": "admin", "upn": "admin@contoso.com", "expires_at": time.Now().Add(time.Hour)},
		"account": "a.b",
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string][]byte{"JSON": forged, "with the version byte": append([]byte{1}, forged...), "gob": []byte("\x0e\xff\x81\x04\x01\x02"), "empty": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger()
			b := newSite(t, idp, onLedger(l)).browser()
			b.signIn(adele)
			key := l.key("s")
			l.change(func(values map[string][]byte) { values[key] = value })
			if a := b.Get("/guarded"); a.StatusCode != http.StatusUnauthorized || strings.Contains(a.Text, "admin") {
				t.Errorf("status %d %s", a.StatusCode, a.Text)
			}
		})
	}
}

func TestE5_KeysRotateWithoutASignOut(t *testing.T) {
	t.Parallel()
	l, idp := newLedger(), newIDP(t)
	ring := func(numbers ...byte) *site {
		return newSite(t, idp, onLedger(l), func(cfg *fibermsal.Config) {
			cfg.Keys = nil
			for _, n := range numbers {
				cfg.Keys = append(cfg.Keys, testKey(n))
			}
		})
	}
	b := ring(1).browser()
	b.signIn(adele)
	for _, s := range []*site{ring(1, 2), ring(2, 1)} {
		b.site = s
		if b.user() != adele || b.Get("/token").Text != adele {
			t.Errorf("signed out by a rotation\n%s", s.log)
		}
	}
	b.site = ring(3)
	if b.user() != "" {
		t.Error("opened without its key")
	}
	if len(l.keys()) != 2 || b.session() == "" {
		t.Error("a record of an unknown key must be left alone, for another instance may hold the key")
	}
	b.site = ring(2, 1)
	if b.user() != adele {
		t.Error("the session did not survive the instance without its key")
	}
}

func TestE9_EveryRecordHasALife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		b := newSite(t, newIDP(t), onLedger(l), func(cfg *fibermsal.Config) {
			cfg.IdleTimeout, cfg.AbsoluteTimeout = time.Hour, 3*time.Hour
		}).browser()
		b.signIn(adele)
		for range 36 {
			time.Sleep(299 * time.Second)
			b.Get("/token")
			l.mu.Lock()
			for key, life := range l.lives {
				if life < time.Second || life > time.Hour {
					t.Errorf("%s lives for %v", key, life)
				}
			}
			l.mu.Unlock()
		}
		time.Sleep(5 * time.Minute)
		if b.user() != "" || len(l.keys()) != 0 {
			t.Errorf("after the absolute end: %v", l.keys())
		}
	})
}

func TestE10_EmptyTokensRemoveTheRecord(t *testing.T) {
	t.Parallel()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l)).browser()
	b.signIn(adele)
	b.Send(request(http.MethodPost, "/user/logout", ""))
	if l.key("t") != "" {
		t.Error("tokens stayed")
	}
	l.change(func(values map[string][]byte) {
		for key, value := range values {
			if len(value) == 0 {
				t.Errorf("%s is empty", key)
			}
		}
	})
}

func TestE11_CorruptRecordsSignOutAndNeverFail(t *testing.T) {
	t.Parallel()
	l := newLedger()
	s := newSite(t, newIDP(t), onLedger(l))
	b := s.browser()
	b.signIn(adele)
	cookie, saved := b.Jar[sessionCookie], map[string][]byte{}
	l.change(func(values map[string][]byte) {
		for k, v := range values {
			saved[k] = v
		}
	})
	for kind, path := range map[string]string{"s": "/guarded", "t": "/token"} {
		key := ""
		for k := range saved {
			if strings.HasSuffix(k, ":"+kind) {
				key = k
			}
		}
		for i := range saved[key] {
			l.change(func(values map[string][]byte) {
				for k, v := range saved {
					values[k] = v
				}
			})
			l.flip(key, i)
			r := request(http.MethodGet, path, "")
			r.AddCookie(cookie)
			a := s.send(r)
			if a.StatusCode != http.StatusUnauthorized {
				t.Fatalf("%s byte %d: status %d %s", kind, i, a.StatusCode, a.Text)
			}
			// The first byte is the format, and four bytes of the ciphertext identify the key. Both may
			// be those of another instance.
			unknown := i == 0 || (i > plainHeader && i <= plainHeader+4)
			if kind == "s" && !unknown {
				if c := a.Cookie(sessionCookie); c == nil || c.Value != "" {
					t.Fatalf("byte %d: the cookie stays", i)
				}
				if len(l.keys()) != 0 {
					t.Fatalf("byte %d: the record stays", i)
				}
			}
		}
	}
}
