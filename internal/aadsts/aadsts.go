// Package aadsts contains advice for administrators about Entra's error numbers.
//
// The numbers are only for people and for diagnosis. The library handles errors by the OAuth error and
// suberror, as Microsoft recommends, because numbers and texts may change.
package aadsts

import (
	"regexp"
	"strconv"
)

// Kind is the class of a number, as far as the library distinguishes numbers.
type Kind int

// The kinds.
const (
	Other Kind = iota
	UnknownTenant
	UnknownApp
	DisabledApp
	WrongSecret
	ExpiredSecret
	UnregisteredCertificate
	UnregisteredRedirectURI
	InvalidScope // or a scope of a resource that the tenant or the registration lacks
	NotSignedIn
	Unassigned     // the app is for assigned users only, and the account is not
	NotInTenant    // the account
	Blocked        // by a policy of the organization
	Unusable       // the account, which is locked or disabled
	Declined       // by the user, who was asked to consent
	NeedsApproval  // by an administrator, who has to consent
	firstOfAccount = Unassigned
	lastOfAccount  = Unusable
)

// RefusesAccount reports whether a kind means that Entra refuses the account, so that another account
// may help.
func (k Kind) RefusesAccount() bool { return firstOfAccount <= k && k <= lastOfAccount }

// FirstKind returns the kind of the first number that has one, or Other.
func FirstKind(numbers ...int) Kind {
	for _, n := range numbers {
		if k := KindOf(n); k != Other {
			return k
		}
	}
	return Other
}

// KindOf returns the kind of a number.
func KindOf(number int) Kind { return meanings[number].kind }

// Advice returns the advice for the first number that has one, or "".
func Advice(numbers ...int) string {
	for _, n := range numbers {
		if m, ok := meanings[n]; ok {
			return m.advice
		}
	}
	return ""
}

// Attribute returns the first known number as the value of a metric attribute, "other" if none is
// known, and "" without numbers. The set of values is limited, because anyone can write a number into
// an error response.
func Attribute(numbers ...int) string {
	for _, n := range numbers {
		if _, known := meanings[n]; known {
			return strconv.Itoa(n)
		}
	}
	if len(numbers) > 0 {
		return "other"
	}
	return ""
}

var pattern = regexp.MustCompile(`AADSTS([0-9]{4,8})`)

// Numbers returns the numbers in an error description, because the authorize endpoint does not report
// them in any other field.
func Numbers(description string) (numbers []int) {
	for _, match := range pattern.FindAllStringSubmatch(description, 4) {
		n, err := strconv.Atoi(match[1])
		if err == nil {
			numbers = append(numbers, n)
		}
	}
	return numbers
}
