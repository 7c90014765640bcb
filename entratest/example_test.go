package entratest_test

import (
	"fmt"
	"net/http"
	"os"

	"github.com/fibermsal/fibermsal/entratest"
)

// A whole sign-in without a browser: from the URL that the app redirects to, to the request that comes back.
func ExampleServer_SignIn() {
	idp := entratest.New(entratest.WithRedirectURI("https://app.example/user/authorized"))
	defer func() { _ = idp.Close() }()

	answer, err := idp.SignIn(idp.Authority+"/oauth2/v2.0/authorize?client_id="+idp.ClientID+
		"&response_type=code&response_mode=form_post&scope=openid&state=s1&redirect_uri=https://app.example/user/authorized",
		"AdeleV@contoso.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	request := answer.Request() // give it to the app under test
	fmt.Println(request.Method, request.URL, answer.Values.Get("state"))
	// Output: POST https://app.example/user/authorized s1
}

// An outage of the token endpoint that lasts for two requests.
func ExampleServer_Fault() {
	idp := entratest.New()
	defer func() { _ = idp.Close() }()
	idp.Fault(entratest.Token, entratest.Fault{Times: 2, Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"30"}}})

	for range 3 {
		answer, err := idp.HTTPClient.PostForm(idp.Authority+"/oauth2/v2.0/token", nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		_ = answer.Body.Close()
		fmt.Println(answer.StatusCode, answer.Header.Get("Retry-After"))
	}
	// Output:
	// 503 30
	// 503 30
	// 400
}

// The tests of an API need no sign-in for the access tokens of its clients.
func ExampleServer_Issue() {
	// readme:start
	idp := entratest.New(
		entratest.WithAPI(entratest.API{URI: "api://orders", Scopes: []string{"Orders.Read"}, Capable: true}), // clients declare cp1 (xms_cc)
		entratest.WithAppPermissions("api://orders/Orders.Process"),
	)
	user := idp.Issue("AdeleV@contoso.com", "api://orders/Orders.Read")
	daemon := idp.IssueForApp("api://orders/.default")                            // idtyp=app, roles
	agent := idp.IssueForAgent("", "api://orders/.default")                       // an agent identity, as itself
	helper := idp.IssueForAgent("AdeleV@contoso.com", "api://orders/Orders.Read") // on behalf of a user
	// readme:end
	defer func() { _ = idp.Close() }()
	fmt.Println(user != "", daemon != "", agent != "", helper != "")
	// Output: true true true true
}

// Tests add the parts of Graph that their app uses.
func ExampleWithGraph() {
	handler := http.NotFoundHandler()
	// readme:start
	idp := entratest.New(
		entratest.WithGraph("GET /me/messages/{id}", handler),
		entratest.WithGraphFiles(os.DirFS("testdata/graph")),
	)
	// readme:end
	defer func() { _ = idp.Close() }()
}
