package tokencache

import (
	"bytes"
	"strconv"
	"time"

	"github.com/fibermsal/fibermsal/internal/rawjson"
)

// entry contains the fields of an entry that are used.
type entry struct {
	homeAccountID, environment, realm, clientID string
	target, tokenType, extCacheKey              string
	secret                                      []byte // as JSON, because it is long and seldom needed
	expiresOn, refreshOn, cachedAt              time.Time
}

// entryOf reads an entry, and reports whether raw is one.
func entryOf(raw []byte) (e entry, ok bool) {
	valid := true
	text := func(into *string, value []byte) {
		read, isText := rawjson.Text(value)
		if isText {
			*into = read
		}
		valid = valid && (isText || rawjson.IsNull(value))
	}
	ok = rawjson.Object(raw, func(name, value []byte) {
		switch string(name) {
		case "home_account_id":
			text(&e.homeAccountID, value)
		case "environment":
			text(&e.environment, value)
		case "realm":
			text(&e.realm, value)
		case "client_id":
			text(&e.clientID, value)
		case "target":
			text(&e.target, value)
		case "token_type":
			text(&e.tokenType, value)
		case "ext_cache_key":
			text(&e.extCacheKey, value)
		case "secret":
			e.secret = value
			valid = valid && (value[0] == '"' || rawjson.IsNull(value))
		case "expires_on":
			e.expiresOn = unixTime(value)
		case "refresh_on":
			e.refreshOn = unixTime(value)
		case "cached_at":
			e.cachedAt = unixTime(value)
		}
	})
	return e, ok && valid
}

// unixTime returns a Unix time in seconds, which MSAL writes in quotes. A value that is not a time is
// the zero time.
func unixTime(value []byte) time.Time {
	seconds, err := strconv.ParseInt(string(bytes.Trim(value, `"`)), 10, 64)
	if err != nil || seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}
