package naive_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

func TestR5_RedisIsFull(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t, "--maxmemory-policy", "noeviction"), newIDP(t)
	a := newApp(t, idp, onRedis(t, server.URL))
	newVisitor(t, adele).mustSignIn(a)
	room := int64(repeats(3 << 20)) // for a part of the sessions
	if err := server.Client().ConfigSet(t.Context(), "maxmemory", strconv.FormatInt(usedMemory(t, server)+room, 10)).Err(); err != nil {
		t.Fatal(err)
	}
	var acknowledged []*visitor
	refused, deceived := 0, 0
	people := idp.Users()
	for i := range repeats(1000) {
		v := newVisitor(t, people[i/90%len(people)].UPN)
		switch answer := v.signIn(a); {
		case isAcknowledged(answer):
			acknowledged = append(acknowledged, v)
		case answer.StatusCode == http.StatusInternalServerError:
			refused++
			if answer.Cookie(sessionCookie) != nil && server.Client().Exists(t.Context(), v.session()).Val() == 0 {
				deceived++
			}
		default:
			t.Errorf("status %d", answer.StatusCode)
		}
	}
	lost := 0
	for _, v := range acknowledged {
		if !v.isServed(a, "/me") {
			lost++
		}
	}
	if len(acknowledged) == 0 || refused == 0 {
		t.Errorf("%d sign-ins acknowledged, %d refused: Redis was not filled\n%s", len(acknowledged), refused, a.log)
	}
	report(t, "R5", "acknowledged sign-ins lost in a full Redis", "%d of %d", lost, len(acknowledged))
	report(t, "R5", "sign-ins refused", "%d", refused)
	report(t, "R5", "cookies given for sessions that are not stored", "%d", deceived)
}

func usedMemory(t *testing.T, server *redistest.Server) (used int64) {
	t.Helper()
	info := server.Client().InfoMap(t.Context(), "memory")
	if _, err := fmt.Sscan(info.Item("Memory", "used_memory"), &used); err != nil {
		t.Fatal(err)
	}
	return used
}
