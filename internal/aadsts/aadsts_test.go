package aadsts_test

import (
	"slices"
	"testing"

	"github.com/fibermsal/fibermsal/internal/aadsts"
)

func TestAdvice_CommonNumbersHaveOne(t *testing.T) {
	t.Parallel()
	for _, n := range []int{50011, 65001, 65004, 50105, 7000215, 7000222, 50076, 54005, 700016, 90002, 700027, 70021, 50173, 53003, 500131} {
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

// Single sign-on would choose the same account again, so all numbers of refused accounts must be known.
// Entra reports the same refusal by several of them (MeshCentral#7535, azure-activedirectory-library-for-js#829).
func TestRefusesAccount_NumbersOfRefusedAccounts(t *testing.T) {
	t.Parallel()
	for kind, numbers := range map[aadsts.Kind][]int{
		aadsts.Unassigned:  {50105},
		aadsts.NotInTenant: {16000, 50020, 50034, 50177, 50178, 51004, 90072, 500200, 500341},
		aadsts.Blocked:     {50005, 50097, 50131, 53000, 53003, 53009, 53010, 53011, 500021, 500212, 530032, 530034, 530035},
		aadsts.Unusable:    {50053, 50057, 500571},
	} {
		for _, n := range numbers {
			if got := aadsts.KindOf(n); got != kind || !got.RefusesAccount() || aadsts.Advice(n) == "" {
				t.Errorf("%d is of kind %d, want %d; advice %q", n, got, kind, aadsts.Advice(n))
			}
		}
	}
}

func TestKindOf_NumbersThatADiagnosisDistinguishes(t *testing.T) {
	t.Parallel()
	for kind, numbers := range map[aadsts.Kind][]int{
		aadsts.UnknownTenant:           {90002, 900023},
		aadsts.UnknownApp:              {700016, 700038},
		aadsts.DisabledApp:             {7000112},
		aadsts.WrongSecret:             {7000215},
		aadsts.ExpiredSecret:           {7000222},
		aadsts.UnregisteredCertificate: {700027},
		aadsts.UnregisteredRedirectURI: {50011, 500113},
		aadsts.InvalidScope:            {28002, 28003, 50001, 65005, 70011, 500011, 650052, 650053, 650057},
		aadsts.NotSignedIn:             {50058},
		aadsts.Other:                   {1, 65001, 650056},
	} {
		for _, n := range numbers {
			if got := aadsts.KindOf(n); got != kind {
				t.Errorf("%d is of kind %d, want %d", n, got, kind)
			}
		}
	}
}
