package pack

import "github.com/klauspost/compress/s2"

// dictionary is text that packed text can refer to as if it preceded it. It is part of the format and
// must not change. It contains the claims of id_tokens, both in Entra's order and in alphabetical
// order, and an empty cache of MSAL, without values that differ between users.
var dictionary = s2.MakeDict([]byte(
	`{"typ":"JWT","alg":"RS256","kid":"{"aud":"","iss":"https://login.microsoftonline.com//v2.0","iat":17,"nbf":17,"exp":17,`+
		`"auth_time":17,"acct":0,"acrs":["c1"],"email":"","groups":["","idp":"https://sts.windows.net//","in_corp":"true","ipaddr":"",`+
		`"login_hint":"O.","name":"","nonce":"","oid":"","preferred_username":"","rh":"1.A","roles":[""],"sid":"","sub":"","tid":"","upn":"","uti":"","ver":"2.0"}`+
		`{"alg":"RS256","kid":"","typ":"JWT"}{"aio":"","aud":"","email":"@contoso.com","exp":17,"iat":17,"iss":"https://login.microsoftonline.com/`+
		`","login_hint":"O.","name":"","nbf":17,"nonce":"","oid":"","preferred_username":"@contoso.com","rh":"1.","sid":"","sub":"","tid":"","uti":"","ver":"2.0"}`+
		`{"aud":"https://graph.microsoft.com","iss":"https://sts.windows.net//","app_displayname":"","appid":"","appidacr":"1","family_name":"","given_name":"",`+
		`"idtyp":"user","platf":"","puid":"","scp":"openid profile User.Read email","signin_state":["kmsi"],"tenant_region_scope":"EU",`+
		`"unique_name":"","wids":["b79fbf4d-3ef9-4689-8143-76b194e85509"],"xms_acd":17,"xms_cc":["CP1"],"xms_tcdt":}`+
		`{"AccessToken":{"-login.microsoftonline.com-accesstoken--openid profile user.read email":{"home_account_id":"","environment":"login.microsoftonline.com`+
		`","realm":"","credential_type":"AccessToken","client_id":"","secret":"","target":"openid profile User.Read email`+
		`","refresh_on":"17","expires_on":"17","extended_expires_on":"17","cached_at":"17","token_type":"Bearer"}},"RefreshToken":{"-login.microsoftonline.com-refreshtoken--":{"home_account_id":"`+
		`","environment":"login.microsoftonline.com","credential_type":"RefreshToken","client_id":"","secret":"1.A"}},"IdToken":{"-login.microsoftonline.com-idtoken-":{"home_account_id":"`+
		`","environment":"login.microsoftonline.com","realm":"","credential_type":"IdToken","client_id":"","secret":"`+
		`"}},"Account":{"-login.microsoftonline.com-":{"home_account_id":"","environment":"login.microsoftonline.com","realm":"","local_account_id":"","authority_type":"MSSTS","username":"@`+
		`"}},"AppMetadata":{"appmetadata-login.microsoftonline.com-":{"client_id":"","environment":"login.microsoftonline.com"}}}`), nil)
