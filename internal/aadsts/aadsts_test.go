package aadsts_test

import (
	"slices"
	"testing"

	"github.com/fibermsal/fibermsal/internal/aadsts"
)

func TestAdvice_CommonNumbersHaveOne(t *testing.T) {
	t.Parallel()
	for _, n := range []int{50011, 65001, 65004, 50105, 7000215, 7000222, 50076, 54005, 700016, 90002, 700027, 70021, 50173, 53003} {
		if aadsts.Advice(n) == "" {
			t.Errorf("%d has none", n)
		}
	}
	if got := aadsts.Advice(1, 2); got != "" {
		t.Errorf("unknown numbers: %q", got)
	}
	if aadsts.Advice(1, 50011) != aadsts.Advice(50011) {
		t.Error("a number behind an unknown one is not seen")
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]int{
		"AADSTS65004: The user declined. Trace ID: 1":            {65004},
		"AADSTS50076: x AADSTS50079: y":                          {50076, 50079},
		"no number":                                              nil,
		"AADSTS: 12345":                                          nil,
		"AADSTS99999999999999999999":                             {99999999},
		"AADSTS1111 AADSTS2222 AADSTS3333 AADSTS4444 AADSTS5555": {1111, 2222, 3333, 4444},
	} {
		if got := aadsts.Numbers(text); !slices.Equal(got, want) {
			t.Errorf("%s: %v", text, got)
		}
	}
}
