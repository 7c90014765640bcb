package phrases

// French typography requires a no-break space before a colon and inside guillemets.
var french = catalogue{
	PleaseSignIn:           "Veuillez vous connecter.",
	PermissionNeeded:       "Cette action nécessite une autorisation qui n’a pas été accordée.",
	ConfirmIdentity:        "Veuillez vous reconnecter pour confirmer votre identité.",
	AccountMayNot:          "Votre compte n’est pas autorisé à effectuer cette action.",
	Busy:                   "Le service est surchargé. Veuillez réessayer dans un instant.",
	SignInNotCompleted:     "La connexion n’a pas pu aboutir. Veuillez recommencer.",
	SignInMisconfigured:    "La connexion n’est pas configurée correctement. Veuillez prévenir l’administrateur.",
	SignOutMisconfigured:   "La déconnexion n’est pas configurée correctement. Veuillez prévenir l’administrateur.",
	TokenInvalid:           "Le jeton d’accès n’est pas valide.",
	NotSignedIn:            "Cet utilisateur n’est pas connecté.",
	OneTokenExpected:       "La requête doit contenir un seul jeton d’accès, dans l’en-tête Authorization.",
	TokenLacksPermission:   "Il manque au jeton d’accès une autorisation nécessaire à cette action.",
	SigningInDidNotHelp:    "La reconnexion n’a pas résolu le problème. Veuillez prévenir l’administrateur.",
	OrganizationNotAllowed: "Les comptes de votre organisation ne peuvent pas se connecter ici.",
	AppRefusesAccount:      "Cette application n’accepte pas ce compte.",

	GraphAccessDenied: "Vous n’êtes pas autorisé à effectuer cette action.",
	GraphNotFound:     "Élément introuvable.",
	GraphRefused:      "Le service d’annuaire n’a pas accepté la requête.",
	GraphFailed:       "Le service d’annuaire n’a pas pu effectuer cette action.",
	GraphBadAnswer:    "Le service d’annuaire a renvoyé une réponse inutilisable.",
	GraphForeignURL:   "Cette adresse n’appartient pas au service d’annuaire.",

	PermissionsDeclined: "Les autorisations n’ont pas été accordées.",
	PermissionDeclined:  "L’autorisation n’a pas été accordée.",
	SignInCancelled:     "La connexion a été annulée.",
	AccountUnassigned:   "Votre compte n’a pas accès à cette application.",
	AccountNotInTenant:  "Votre compte n’appartient pas à l’organisation de cette application.",
	AccountBlocked:      "Votre organisation n’autorise pas cette connexion.",
	AccountUnusable:     "Votre compte est verrouillé ou désactivé.",
	AccountRefused:      "Microsoft n’a pas autorisé la connexion avec ce compte.",
	ApprovalNeeded:      "Un administrateur de votre organisation doit d’abord approuver cette application.",

	SignedOutHere: "Vous êtes déconnecté dans ce navigateur, mais le service est surchargé.",

	PermissionNeededDetail: "Vous ou un administrateur de votre organisation devez l’accepter lors de la connexion.",
	SignInLoopDetail:       "La page a demandé une connexion à plusieurs reprises.",
	ConfirmIdentityDetail:  "Votre organisation l’exige pour ouvrir la page ou accéder à ses données.",
	OtherAccountDetail:     "Vous êtes peut-être connecté à Microsoft avec un autre compte que celui que vous vouliez utiliser.",
	CookiesDetail:          "Il se peut que votre navigateur ne conserve pas les cookies de ce site.",

	PermissionsDeclinedDetail: "Sans elles, la connexion est impossible.",
	SignInCancelledDetail:     "Rien n’a changé.",
	AccountUnassignedDetail:   "L’administrateur de votre organisation peut vous donner accès. Vous pouvez aussi utiliser un autre compte.",
	AccountNotInTenantDetail:  "Utilisez un autre compte ou demandez à l’organisation de vous inviter.",
	AccountBlockedDetail:      "Ses règles exigent peut-être un autre appareil, un autre réseau ou un autre lieu. Son administrateur les connaît.",
	AskAdministrator:          "Contactez l’administrateur de votre organisation ou utilisez un autre compte.",

	StillSignedInWithout:   "Vous êtes toujours connecté, mais sans ce qui nécessite cette autorisation.",
	StillSignedInAsBefore:  "Vous êtes toujours connecté, comme auparavant.",
	StillSignedInUnchanged: "Vous êtes toujours connecté. Rien n’a changé.",

	SignedOutHereDetail:     "Le service mettra fin à votre session dès que possible.",
	SignedOutHereOnlyDetail: "Le service mettra fin à votre session dès que possible. Vous êtes peut-être encore connecté à Microsoft\u00a0: réessayez pour vous y déconnecter aussi.",

	SignInTitle:     "Connexion",
	SignOutTitle:    "Déconnexion",
	SignOutQuestion: "Voulez-vous vous déconnecter\u00a0?",

	SignInButton:       "Se connecter",
	SignOutButton:      "Se déconnecter",
	StaySignedInButton: "Rester connecté",
	TryAgainButton:     "Réessayer",
	OtherAccountButton: "Utiliser un autre compte",
	HomePageButton:     "Page d’accueil",
	ContinueButton:     "Continuer",

	Reference: "Référence pour votre administrateur\u00a0:",

	ConsentUnknown:         "Vous êtes de retour de Microsoft.",
	ConsentUnknownDetail:   "Si un administrateur a été invité à approuver cette application, le centre d’administration Entra indique sous «\u00a0Applications d’entreprise\u00a0» si cela a été fait.",
	ConsentGranted:         "Les autorisations ont été accordées.",
	ConsentGrantedDetail:   "Elles sont accordées pour tous les utilisateurs de votre organisation.",
	ConsentGrantedDetailIn: "Elles sont accordées pour tous les utilisateurs de l’organisation {tenant}.",
	ConsentRefused:         "Les autorisations n’ont pas été accordées.",
	ConsentRefusedDetail:   "Rien n’a changé pour les utilisateurs de votre organisation.",
	ConsentRefusedDetailIn: "Rien n’a changé pour les utilisateurs de l’organisation {tenant}.",
}
