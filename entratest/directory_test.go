package entratest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestAuthorize_FindsTenantsByIDAliasAndDomain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		segment string
		code    int
	}{
		{"common", 0},
		{"organizations", 0},
		{"contoso.onmicrosoft.com", 0},
		{"Contoso.com", 0},
		{"AAAABBBB-0000-cccc-1111-dddd2222eeee", 0},
		{"consumers", 9002346},
		{"bbbbbbbb-0000-4000-8000-000000000000", 90002},
		{"fabrikam.com", 90002},
		{"nonsense", 900023},
	}
	for _, tt := range tests {
		t.Run(tt.segment, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			u := strings.Replace(authorizeURL(s), s.TenantID, tt.segment, 1)
			_, err := s.SignIn(u, "adelev@contoso.com")
			page := &entratest.PageError{}
			if errors.As(err, &page); page.Code != tt.code {
				t.Errorf("got %v", err)
			}
		})
	}
}
