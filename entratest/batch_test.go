package entratest_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestBatch_AnswersEachPartAsARequestOfItsOwn(t *testing.T) {
	t.Parallel()
	s := entratest.New()
	s.Fault(entratest.GraphManager, entratest.Fault{Status: 503, Header: http.Header{"Retry-After": {"7"}}})
	var batch struct {
		Responses []struct {
			ID      string
			Status  int
			Headers map[string]string
			Body    json.RawMessage
		}
	}
	const requests = `{"requests":[{"id":"a","method":"GET","url":"/me?$select=id,mail"},{"id":"b","method":"GET","url":"/me/photo/$value"},` +
		`{"id":"c","method":"GET","url":"/me/manager"},{"id":"d","method":"GET","url":"/nothing"},{"id":"e","method":"GET","url":"me"}]}`
	if err := json.Unmarshal(sendBatch(t, s, requests, http.StatusOK), &batch); err != nil || len(batch.Responses) != 5 {
		t.Fatalf("%v, %d responses", err, len(batch.Responses))
	}
	for i, status := range []int{200, 200, 503, 400, 400} {
		if batch.Responses[i].Status != status {
			t.Errorf("part %s: %d", batch.Responses[i].ID, batch.Responses[i].Status)
		}
	}
	adele, _ := s.User("AdeleV@contoso.com")
	var photo []byte
	if err := json.Unmarshal(batch.Responses[1].Body, &photo); err != nil || string(photo) != string(adele.Photo) {
		t.Errorf("the photo: %v, %d bytes of %d", err, len(photo), base64.StdEncoding.DecodedLen(len(batch.Responses[1].Body)))
	}
	if !strings.Contains(string(batch.Responses[0].Body), adele.ID) || strings.Contains(string(batch.Responses[0].Body), "displayName") || batch.Responses[2].Headers["Retry-After"] != "7" {
		t.Errorf("got %s, %v", batch.Responses[0].Body, batch.Responses[2].Headers)
	}
	if s.Count(entratest.GraphBatch) != 1 || s.Count(entratest.GraphMe) != 1 || s.Count(entratest.GraphManager) != 1 {
		t.Errorf("the parts were not recorded")
	}
}

func TestBatch_RefusesWhatGraphRefuses(t *testing.T) {
	t.Parallel()
	s := entratest.New()
	for _, body := range []string{"", "[]", `{"requests":[]}`, `{"requests":[` + strings.TrimSuffix(strings.Repeat(`{"id":"1","method":"GET","url":"/me"},`, 21), ",") + `]}`} {
		sendBatch(t, s, body, http.StatusBadRequest)
	}
}

func sendBatch(t *testing.T, s *entratest.Server, body string, status int) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.GraphURL+"/$batch", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.Issue("AdeleV@contoso.com"))
	r.Header.Set("Content-Type", "application/json")
	resp, err := s.HTTPClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var content json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&content); err != nil || resp.StatusCode != status {
		t.Fatalf("%v, status %d: %s", err, resp.StatusCode, content)
	}
	return content
}
