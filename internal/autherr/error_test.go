package autherr_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/internal/autherr"
)

func TestKind_IsFoundInItsErrorsAndNoOthers(t *testing.T) {
	t.Parallel()
	particular := fmt.Errorf("loading: %w", autherr.Forbidden.New("role", nil))
	if !errors.Is(particular, autherr.Forbidden) || errors.Is(particular, autherr.Unavailable) {
		t.Error("errors.Is does not compare codes")
	}
	if errors.Is(errors.New("forbidden"), autherr.Forbidden) {
		t.Error("a foreign error is of the kind")
	}
}

// A shared error that can be changed would change the answers of all requests.
func TestKind_CannotBeChangedThroughAnErrorFoundInIt(t *testing.T) {
	t.Parallel()
	e, ok := autherr.Find(autherr.LoginRequired)
	if !ok || e.Status != 401 {
		t.Fatalf("%v, %t", e, ok)
	}
	e.Status, e.Code = 200, "ok"
	if again, _ := autherr.Find(autherr.LoginRequired); again.Status != 401 || again.Code != "login_required" {
		t.Errorf("the kind has become %+v", again)
	}
}

func TestError_IsFoundAsTheErrorOfTheFramework(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"an error":      autherr.TryLater("storage_failed", errors.New("secret cause")),
		"a kind":        autherr.Unavailable,
		"a wrapped one": fmt.Errorf("loading: %w", autherr.Unavailable),
	} {
		var f *fiber.Error
		if !errors.As(err, &f) || f.Code != 503 || f.Message != "The service is busy. Please try again in a moment." {
			t.Errorf("%s: %+v", name, f)
		}
	}
	var other fmt.Stringer
	if errors.As(autherr.Unavailable, &other) {
		t.Error("found as another type")
	}
}

func TestError_KeepsOfItsCauseOnlyTheEndOfAContext(t *testing.T) {
	t.Parallel()
	foreign := errors.New("a token")
	e := autherr.Unavailable.New("storage_failed", errors.Join(foreign, context.DeadlineExceeded))
	if !errors.Is(e, context.DeadlineExceeded) || errors.Is(e, foreign) {
		t.Errorf("%v", e)
	}
}

// An app may make an Error of its own, and wrap what it likes.
func TestF1_CausesOfTheAppsErrorsAreLoggedWithoutCredentials(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	err := &autherr.Error{Code: "too_late", Status: 403, Err: errors.New("GET https://api: client_secret=c4n4ry\nFAKE")}
	slog.New(slog.NewTextHandler(&log, nil)).Info("refused", "error", err)
	if line := log.String(); strings.Contains(line, "c4n4ry") || strings.Contains(line, `\n`) || !strings.Contains(line, "https://api") {
		t.Error(line)
	}
}
