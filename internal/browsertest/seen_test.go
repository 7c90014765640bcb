package browsertest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func TestSeen_FindsSecretsWhereverTheyAre(t *testing.T) {
	t.Parallel()
	const secret, short = "a/long+secret=", "s+1"
	for name, row := range map[string]struct {
		answer Answer
		other  string
		leaks  int
	}{
		"nothing":               {answer: Answer{Text: "a page"}},
		"body":                  {answer: Answer{Text: "before " + secret + " after"}, leaks: 1},
		"whole body":            {answer: Answer{Text: secret}, leaks: 1},
		"a part of it":          {answer: Answer{Text: secret[:len(secret)-1]}},
		"escaped in the body":   {answer: Answer{Text: "?q=" + url.QueryEscape(secret)}, leaks: 1},
		"both forms":            {answer: Answer{Text: secret + url.QueryEscape(secret)}, leaks: 2},
		"short":                 {answer: Answer{Text: "x" + short}, leaks: 1},
		"short, escaped":        {answer: Answer{Text: url.QueryEscape(short)}, leaks: 1},
		"URL":                   {answer: header("Location", "/?code="+url.QueryEscape(secret)), leaks: 1},
		"header":                {answer: header("X-Odd", secret), leaks: 1},
		"cookie":                {answer: header("Set-Cookie", "a="+secret), leaks: 1},
		"log":                   {other: "line\n" + secret, leaks: 1},
		"cookie in its place":   {answer: header("Set-Cookie", "a=the-value-of-a-cookie")},
		"cookie in the log":     {answer: header("Set-Cookie", "a=the-value-of-a-cookie"), other: "the-value-of-a-cookie", leaks: 1},
		"cookie in a header":    {answer: header("Set-Cookie", "a=the-value-of-a-cookie", "Link", "the-value-of-a-cookie"), leaks: 1},
		"cookie that was ended": {answer: header("Set-Cookie", "a=", "X-Odd", "=")},
	} {
		seen := &Seen{}
		if row.answer.Response == nil {
			row.answer.Response = &http.Response{}
		}
		seen.Note(&row.answer)
		for _, more := range []int{0, 2 * few} { // which are searched for in another way
			secrets := []string{secret, short, ""}
			for i := range more {
				secrets = append(secrets, "one-more-secret-"+strconv.Itoa(i))
			}
			if leaks := seen.Leaks(secrets, row.other); len(leaks) != row.leaks {
				t.Errorf("%s, %d more: %d found, want %d: %q", name, more, len(leaks), row.leaks, leaks)
			}
		}
	}
}

// A secret of one browser is also searched for in the responses to all browsers with the same Seen.
func TestSeen_IsShared(t *testing.T) {
	t.Parallel()
	seen := &Seen{}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			b := New(t, Handler(application()), origin)
			b.Seen = seen
			b.Navigate("/in")
			b.Follow(b.Get("/way/1"))
		})
	}
	wait.Wait()
	leaks := seen.Leaks(nil) // /way/2 shows the cookie that it gets
	if len(leaks) != 1 || !strings.Contains(leaks[0], "in an answer") {
		t.Errorf("%q", leaks)
	}
	if leaks := (&Seen{}).Leaks([]string{"something"}); len(leaks) != 0 {
		t.Errorf("nothing was seen: %q", leaks)
	}
}

func BenchmarkSeen_Leaks(b *testing.B) {
	log := strings.Repeat("a line of a log, of which there are many thousands in a test\n", 1<<14)
	secrets := make([]string, 5000)
	for i := range secrets {
		secrets[i] = strings.Repeat(string(rune('A'+i%26)), 3) + url.QueryEscape(strings.Repeat("x", 8+i%40)) + http.StatusText(200)
	}
	b.SetBytes(int64(len(log)))
	for b.Loop() {
		(&Seen{}).Leaks(secrets, log)
	}
}

func header(pairs ...string) Answer {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return Answer{Response: &http.Response{Header: h}}
}
