package entratest_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// Entra counts max_age from the time of the password, and the ID token expires at the end of it.
func TestMaxAge_EndsTheIDToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		for _, row := range []struct {
			changes []string
			want    time.Duration // of the life when the code is redeemed, two minutes after the password
		}{
			{nil, 65 * time.Minute},
			{[]string{"prompt=login"}, 65 * time.Minute},
			{[]string{"prompt=login", "max_age=300"}, 3 * time.Minute},
			{[]string{"prompt=login", "max_age=86400"}, 65 * time.Minute},
			{[]string{"max_age=0"}, 65 * time.Minute},
		} {
			r := signIn(t, s, "adelev@contoso.com", row.changes...)
			time.Sleep(2 * time.Minute)
			answer := redeem(t, s, codeForm(s, r.Values.Get("code"))).json(t)
			exp := claims(t, text(t, answer["id_token"]))["exp"]
			if want := float64(time.Now().Add(row.want).Unix()); exp != want {
				t.Errorf("%v: expires at %v, want %v", row.changes, exp, want)
			}
			renewed := redeem(t, s, refreshForm(s, text(t, answer["refresh_token"]))).json(t)
			if exp := claims(t, text(t, renewed["id_token"]))["exp"]; exp != float64(time.Now().Add(65*time.Minute).Unix()) {
				t.Errorf("%v: a renewed one expires at %v", row.changes, exp)
			}
		}
	})
}
