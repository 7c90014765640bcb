package e2e

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/record"
)

const (
	// waves is the number of times that sessions are created and removed.
	waves = 50
	// askers is the number of connections on which the sessions of a wave are requested.
	askers = 8
	// inARow is the number of requests that are sent before the first response is read.
	inARow = 32
)

// A process uses no more memory for a million sessions than for those that fill its cache.
func TestG24_AMillionSessionsPassThroughAProcessThatDoesNotGrow(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	t.Parallel()
	start := func(t *testing.T, s site, idp *provider, env ...string) *app {
		t.Helper()
		return startWorkbench(t, s, idp, append(env, "FIBERMSAL_CACHE_MEGABYTES=32")...) // which the first waves fill
	}
	c := newClusterRunning(t, start, patientRedis, nil)
	genuine := c.template(c.signIn(adele.login))
	sessions := repeats(1_000_000)
	began := time.Now()
	var resident []int // kB, after each wave
	for range waves {
		cookies := c.multiply(genuine, sessions/waves)
		c.askFor(cookies, genuine)
		if err := c.redis.Client().FlushDB(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		resident = append(resident, c.resident(0))
		if t.Failed() {
			t.Fatalf("%s", c.apps[0].stderr)
		}
	}
	before, after := slices.Max(resident[waves/3:2*waves/3]), slices.Max(resident[2*waves/3:])
	t.Logf("%d sessions after %v: %d MB resident at the most in the second third, %d MB in the last; after each wave %v kB",
		sessions, time.Since(began).Round(time.Second), before>>10, after>>10, resident)
	figure.Report(t, figure.Figure{
		Row: "G24", Name: "resident memory in the second and in the last third of many sessions",
		Value: fmt.Sprintf("%d MB and %d MB, of %d sessions", before>>10, after>>10, sessions),
	})
	if float64(after) > 1.15*float64(before) { // the garbage collector is not exact
		t.Errorf("memory grows from %d to %d kB", before, after)
	}
}

// template is a session's content, from which others are made.
type template struct {
	records map[record.Kind][]byte
	token   string // for Graph
}

func (c *cluster) template(cookie string) template {
	c.t.Helper()
	name, _ := record.SessionID(cookie)
	records := map[record.Kind][]byte{}
	for _, kind := range []record.Kind{record.Tokens, record.Session} {
		content, err := c.vault.Get(c.t.Context(), name, kind)
		if err != nil {
			c.t.Fatal(err)
		}
		records[kind] = content
	}
	return template{records, c.accessTokens(cookie)["User.Read"]}
}

// multiply stores sessions like a genuine one, each sealed for its own name, and returns
// their cookies.
func (c *cluster) multiply(genuine template, count int) []string {
	c.t.Helper()
	cookies := make([]string, count)
	var wait sync.WaitGroup
	for part := range slices.Chunk(cookies, count/askers+1) {
		wait.Go(func() {
			for i := range part {
				id := make([]byte, record.TokenSize)
				_, _ = rand.Read(id) // never fails
				part[i] = base64.RawURLEncoding.EncodeToString(id)
				name, _ := record.SessionID(part[i])
				for kind, content := range genuine.records {
					if err := c.vault.Put(c.t.Context(), name, kind, content, time.Hour); err != nil {
						c.t.Error(err)
					}
				}
			}
		})
	}
	wait.Wait()
	return cookies
}

// askFor requests the user of every session from the first process, and the token of every fourth
// session.
func (c *cluster) askFor(cookies []string, genuine template) {
	c.t.Helper()
	var wait sync.WaitGroup
	for part := range slices.Chunk(cookies, len(cookies)/askers+1) {
		wait.Go(func() {
			conn, err := net.Dial("tcp", "127.0.0.1:"+c.ports[0])
			if err != nil {
				c.t.Error(err)
				return
			}
			defer func() { _ = conn.Close() }()
			answers := bufio.NewReader(conn)
			for row := range slices.Chunk(part, inARow) {
				err := c.askInARow(conn, answers, "/user/info", adele.login, row)
				if err == nil {
					err = c.askInARow(conn, answers, "/api/token", genuine.token, row[:len(row)/4])
				}
				if err != nil {
					c.t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
}

func (c *cluster) askInARow(conn io.Writer, answers *bufio.Reader, path, want string, cookies []string) error {
	var requests strings.Builder
	for _, cookie := range cookies {
		fmt.Fprintf(&requests, "GET %s HTTP/1.1\r\nHost: app.localhost\r\nCookie: %s=%s\r\n\r\n", path, c.site.cookieName(), cookie)
	}
	if _, err := io.WriteString(conn, requests.String()); err != nil {
		return err
	}
	for range cookies {
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), `"`+want+`"`) {
			return fmt.Errorf("%s: %s %.300s", path, resp.Status, body)
		}
	}
	return nil
}

var residentSize = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// resident is the memory that a process occupies, in kB.
func (c *cluster) resident(instance int) int {
	c.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.apps[instance].cmd.Process.Pid))
	if err != nil {
		c.t.Fatal(err)
	}
	found := residentSize.FindSubmatch(status)
	if found == nil {
		c.t.Fatalf("no size in %s", status)
	}
	size, err := strconv.Atoi(string(found[1]))
	if err != nil {
		c.t.Fatal(err)
	}
	return size
}
