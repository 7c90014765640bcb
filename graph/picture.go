package graph

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/fibermsal/fibermsal/entra"
)

// pictureReply returns a picture with headers that prevent a browser from doing anything but displaying
// it, because any user may have uploaded it. Graph's headers are not passed on. The ETag is computed
// here, and Vary keeps the pictures of two users of the same browser apart.
func pictureReply(mediaType string, picture []byte, ifNoneMatch string) *entra.Reply {
	sum := sha256.Sum256(picture)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	header := http.Header{}
	header.Set("ETag", tag)
	header.Set("Cache-Control", "private, max-age=3600")
	header.Set("Vary", "Cookie")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	if matchesTag(ifNoneMatch, tag) {
		return &entra.Reply{Status: http.StatusNotModified, Header: header}
	}
	header.Set("Content-Type", mediaType)
	return &entra.Reply{Status: http.StatusOK, Header: header, Body: picture}
}

// matchesTag compares an If-None-Match header with a tag, weakly (RFC 9110, section 13.1.2).
func matchesTag(ifNoneMatch, tag string) bool {
	for candidate := range strings.SplitSeq(ifNoneMatch, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == tag || candidate == "*" {
			return true
		}
	}
	return false
}
