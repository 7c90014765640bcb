package fibermsal_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
	"github.com/fibermsal/fibermsal/internal/storedtest"
)

// An instance of the next version uses the data that an instance of one version has left in Redis:
// sessions and tokens, the lists for administration and workers, locks, and announcements.
func TestStored_WhatEarlierVersionsLeftInRedisIsFound(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for commit, file := range storedtest.Each[storedtest.RedisFile](t, ".", storedtest.Redis) {
		checkRedis(t, server, commit, file)
	}
}

// This version leaves the same kinds of data in Redis as the files contain, so that a file for it can
// be written.
func TestStored_WhatThisVersionLeavesInRedisIsFound(t *testing.T) {
	t.Parallel()
	file := recordRedis(t)
	checkRedis(t, redistest.Start(t), "this", file)
	storedtest.Write(t, ".", storedtest.Redis, &file.Origin, file)
}

// inherited is a Redis with the data of another version, and an instance of this version.
type inherited struct {
	*site
	*storedtest.RedisFile
	redis *redistest.Server
}

func inherit(t *testing.T, server *redistest.Server, file *storedtest.RedisFile, change ...func(*fibermsal.Config)) *inherited {
	t.Helper()
	file.Restore(t, server.Client())
	idp := newRedisIDP(t)
	return &inherited{newSite(t, idp, append(change, onStored(t, server, file.Keys...))...), file, server}
}

var redisChecks = map[string]func(*inherited){
	"cookies":             cookiesAreValid,
	"cookies elsewhere":   cookiesAreTheAppsOwn,
	"tokens of the app":   tokenOfTheAppIsShared,
	"workers":             workersFindUsers,
	"administration":      administrationFindsAll,
	"ending by user":      ends((*inherited).filterByUser, adele, adele),
	"ending by mail":      ends(func(*inherited) fibermsal.SessionFilter { return fibermsal.SessionFilter{Mail: alex} }, alex),
	"ending by tenant":    ends(func(i *inherited) fibermsal.SessionFilter { return fibermsal.SessionFilter{TenantID: i.TenantID} }, adele, adele, alex),
	"ending all":          ends(func(*inherited) fibermsal.SessionFilter { return fibermsal.SessionFilter{Before: time.Now()} }, adele, adele, alex),
	"sign-out":            signOutDeletesAll,
	"front channel":       frontChannelEnds,
	"too many sessions":   signInEndsTheOldest,
	"cleaning":            cleaningCountsAll,
	"instances":           doctorKnowsInstances,
	"lock of a session":   lockIsRespected,
	"state that was used": stateIsUsed,
}

func checkRedis(t *testing.T, server *redistest.Server, commit string, file *storedtest.RedisFile) {
	t.Helper()
	for name, check := range redisChecks {
		t.Run(commit+"/"+name, func(t *testing.T) { check(inherit(t, server, file)) }) //nolint:paralleltest // one Redis
	}
}

// visitor returns a browser with the cookie of a session.
func (i *inherited) visitor(s storedtest.RedisSession) *browser {
	i.t.Helper()
	b := i.browser()
	b.Jar[sessionCookie] = &http.Cookie{Name: sessionCookie, Value: s.Cookie, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	return b
}

// signedIn returns the names of the users whose sessions are alive, sorted.
func (i *inherited) signedIn() (users []string) {
	i.t.Helper()
	for _, s := range i.Sessions {
		if user := i.visitor(s).user(); user != "" {
			users = append(users, user)
		}
	}
	slices.Sort(users)
	return users
}

func (i *inherited) filterByUser() fibermsal.SessionFilter {
	return fibermsal.SessionFilter{TenantID: i.TenantID, UserID: i.Sessions[0].UserID}
}

// noTokenCalls checks that all tokens come from the storage.
func (i *inherited) noTokenCalls() {
	i.t.Helper()
	if n := i.idp.Count(entratest.Token); n != 0 {
		i.t.Errorf("%d token calls", n)
	}
}

func cookiesAreValid(i *inherited) {
	for _, s := range i.Sessions {
		b := i.visitor(s)
		if user := b.user(); user != s.UPN {
			i.t.Errorf("%q is signed in instead of %q", user, s.UPN)
		}
		if a := b.Get("/token"); a.StatusCode != http.StatusOK {
			i.t.Errorf("the token of %s: %d %s", s.UPN, a.StatusCode, a.Text)
		}
	}
	i.noTokenCalls()
}

// cookiesAreTheAppsOwn checks that another app with the same registration, keys and storage refuses the
// sessions, unless they are of a version that did not record their app.
func cookiesAreTheAppsOwn(i *inherited) {
	other := inherit(i.t, i.redis, i.RedisFile, func(cfg *fibermsal.Config) { cfg.PublicURL = "https://other.example" })
	if accepted := len(other.signedIn()) > 0; accepted != (i.App == "") {
		i.t.Errorf("accepted by another app: %v", accepted)
	}
}

func tokenOfTheAppIsShared(i *inherited) {
	token, err := i.auth.AppCredential().GetToken(i.t.Context(), tokenRequest())
	if err != nil || token.Token == "" {
		i.t.Errorf("%v", err)
	}
	i.noTokenCalls()
}

func workersFindUsers(i *inherited) {
	for _, s := range i.Sessions {
		byMail, err := i.auth.UserByMail(i.t.Context(), s.Mail)
		if err != nil {
			i.t.Errorf("%s by mail: %v", s.UPN, err)
			continue
		}
		byID, err := i.auth.UserByID(i.t.Context(), i.TenantID, s.UserID)
		if err != nil || byMail.Username != s.UPN || byID.Username != s.UPN {
			i.t.Errorf("%s by ID: %v", s.UPN, err)
			continue
		}
		if _, err := byID.TokenCredential().GetToken(i.t.Context(), tokenRequest()); err != nil {
			i.t.Errorf("%s: %v", s.UPN, err)
		}
	}
	i.noTokenCalls()
}

func administrationFindsAll(i *inherited) {
	id, _ := record.SessionID(i.Sessions[1].Cookie)
	for name, row := range map[string]struct {
		filter fibermsal.SessionFilter
		want   int
	}{
		"all":       {fibermsal.SessionFilter{}, 3},
		"by tenant": {fibermsal.SessionFilter{TenantID: i.TenantID}, 3},
		"by user":   {i.filterByUser(), 2},
		"by mail":   {fibermsal.SessionFilter{Mail: alex}, 1},
		"by ID":     {fibermsal.SessionFilter{ID: id}, 1},
	} {
		found := collect(i.t, i.auth, row.filter)
		if len(found) != row.want {
			i.t.Errorf("%s: %d sessions", name, len(found))
		}
		for _, info := range found {
			if info.LastSeenAt.IsZero() || !info.IdleAt.After(time.Now()) {
				i.t.Errorf("%s: seen at %v, idle at %v", name, info.LastSeenAt, info.IdleAt)
			}
		}
	}
}

// ends checks that EndSessions ends the sessions of some users, and only those.
func ends(filter func(*inherited) fibermsal.SessionFilter, users ...string) func(*inherited) {
	return func(i *inherited) {
		n, err := i.auth.EndSessions(i.t.Context(), filter(i))
		if err != nil || n != len(users) {
			i.t.Errorf("%d ended, %v", n, err)
		}
		left := []string{adele, adele, alex}
		for _, user := range users {
			left = slices.Delete(left, slices.Index(left, user), slices.Index(left, user)+1)
		}
		if got := i.signedIn(); !slices.Equal(got, left) {
			i.t.Errorf("left: %q, want %q", got, left)
		}
		if listed := collect(i.t, i.auth, fibermsal.SessionFilter{}); len(listed) != len(left) {
			i.t.Errorf("%d are listed", len(listed))
		}
	}
}

func signOutDeletesAll(i *inherited) {
	session := i.Sessions[2]
	if a := i.visitor(session).PostForm("/user/logout", nil); a.StatusCode != http.StatusSeeOther {
		i.t.Fatalf("status %d", a.StatusCode)
	}
	if left := keysWith(i.redis, session.Cookie); len(left) != 0 {
		i.t.Errorf("left: %q", left)
	}
	name, _ := record.SessionID(session.Cookie)
	for _, e := range storedtest.Dump(i.t, i.redis.Client(), i.redis.Keys()) {
		if _, listed := e.Members[name]; listed {
			i.t.Errorf("still listed in %s", e.Key)
		}
	}
}

func frontChannelEnds(i *inherited) {
	a := i.send(request(http.MethodGet, "/user/frontchannel-logout?sid="+i.Sessions[0].EntraID, ""))
	if a.StatusCode != http.StatusOK || !slices.Equal(i.signedIn(), []string{adele, alex}) {
		i.t.Errorf("status %d, left: %q", a.StatusCode, i.signedIn())
	}
}

// signInEndsTheOldest checks that earlier sessions are counted towards the limit of a user.
func signInEndsTheOldest(i *inherited) {
	two := inherit(i.t, i.redis, i.RedisFile, func(cfg *fibermsal.Config) { cfg.MaxSessionsPerUser = 2 })
	two.browser().signIn(adele)
	if got := two.signedIn(); !slices.Equal(got, []string{adele, alex}) || two.visitor(i.Sessions[0]).user() != "" {
		i.t.Errorf("left: %q", got)
	}
}

func cleaningCountsAll(i *inherited) {
	report, err := i.auth.CleanSessions(i.t.Context(), fibermsal.CleanOptions{})
	if err != nil || report != (fibermsal.CleanReport{Alive: len(i.Sessions)}) || len(i.signedIn()) != len(i.Sessions) {
		i.t.Errorf("%+v, %v", report, err)
	}
}

func doctorKnowsInstances(i *inherited) {
	report, named := i.auth.Doctor(i.t.Context()).String(), 0
	for _, name := range i.Instances {
		if strings.Contains(report, name) {
			named++
		}
	}
	if named != 1 || !strings.Contains(report, "differ, but each opens what the other seals") {
		i.t.Errorf("the report does not name the instance whose keys are in another order:\n%s", report)
	}
}

// lockIsRespected checks that a renewal waits for the renewal of an instance of the other version.
// Otherwise both would use the refresh token.
func lockIsRespected(i *inherited) {
	store, client := storeOf(i.t, i.redis, i.ClientID, i.Keys), i.redis.Client()
	key := keyWith(i.t, i.redis, "{"+i.Locked+"}:l")
	client.PExpire(i.t.Context(), key, time.Minute) // its holder prolongs it
	waiting, cancel := context.WithTimeout(i.t.Context(), 200*time.Millisecond)
	defer cancel()
	if release, err := store.Lock(waiting, i.Locked); err == nil {
		release()
		i.t.Error("the lock is held twice")
	}
	client.Del(i.t.Context(), key)
	release, err := store.Lock(i.t.Context(), i.Locked)
	if err != nil {
		i.t.Fatal(err)
	}
	release()
}

// stateIsUsed checks that a response is not redeemed again (threat A3).
func stateIsUsed(i *inherited) {
	first, err := storeOf(i.t, i.redis, i.ClientID, i.Keys).Claim(i.t.Context(), i.Redeemed, "another claimant", time.Minute)
	if err != nil || first {
		i.t.Errorf("%v, %v", first, err)
	}
}
