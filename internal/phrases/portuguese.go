package phrases

// The texts are in Brazilian Portuguese, which most readers of Portuguese use.
var portuguese = catalogue{
	PleaseSignIn:           "Entre na sua conta.",
	PermissionNeeded:       "Isto exige uma permissão que não foi concedida.",
	ConfirmIdentity:        "Entre novamente para confirmar sua identidade.",
	AccountMayNot:          "Sua conta não tem permissão para fazer isto.",
	Busy:                   "O serviço está sobrecarregado. Tente novamente em alguns instantes.",
	SignInNotCompleted:     "Não foi possível concluir a entrada. Comece novamente.",
	SignInMisconfigured:    "A entrada não está configurada corretamente. Avise o administrador.",
	SignOutMisconfigured:   "A saída não está configurada corretamente. Avise o administrador.",
	TokenInvalid:           "O token de acesso não é válido.",
	NotSignedIn:            "Este usuário não está conectado.",
	OneTokenExpected:       "A solicitação deve conter um único token de acesso no cabeçalho Authorization.",
	TokenLacksPermission:   "Falta ao token de acesso uma permissão necessária para isto.",
	SigningInDidNotHelp:    "Entrar novamente não resolveu o problema. Avise o administrador.",
	OrganizationNotAllowed: "Contas da sua organização não podem entrar aqui.",
	AppRefusesAccount:      "Este aplicativo não aceita a conta.",

	GraphAccessDenied: "Você não tem permissão para fazer isto.",
	GraphNotFound:     "Não foi possível encontrar o que foi solicitado.",
	GraphRefused:      "O serviço de diretório não aceitou a solicitação.",
	GraphFailed:       "O serviço de diretório não conseguiu fazer isto.",
	GraphBadAnswer:    "O serviço de diretório deu uma resposta que não pode ser usada.",
	GraphForeignURL:   "Este endereço não pertence ao serviço de diretório.",

	PermissionsDeclined: "As permissões não foram concedidas.",
	PermissionDeclined:  "A permissão não foi concedida.",
	SignInCancelled:     "A entrada foi cancelada.",
	AccountUnassigned:   "Sua conta não tem acesso a este aplicativo.",
	AccountNotInTenant:  "Sua conta não pertence à organização deste aplicativo.",
	AccountBlocked:      "Sua organização não permite esta entrada.",
	AccountUnusable:     "Sua conta está bloqueada ou desativada.",
	AccountRefused:      "A Microsoft não permitiu a entrada com esta conta.",
	ApprovalNeeded:      "Um administrador da sua organização precisa aprovar este aplicativo primeiro.",

	SignedOutHere: "Você saiu neste navegador, mas o serviço está sobrecarregado.",

	PermissionNeededDetail: "Você ou um administrador da sua organização precisa aceitá-la ao entrar.",
	SignInLoopDetail:       "A página pediu a entrada repetidas vezes.",
	ConfirmIdentityDetail:  "Sua organização exige isto para abrir a página ou seus dados.",
	OtherAccountDetail:     "Talvez você tenha entrado na Microsoft com uma conta diferente da que queria usar.",
	CookiesDetail:          "Talvez seu navegador não guarde os cookies deste site.",

	PermissionsDeclinedDetail: "Sem elas, não é possível entrar.",
	SignInCancelledDetail:     "Nada mudou.",
	AccountUnassignedDetail:   "O administrador da sua organização pode dar acesso a você. Ou use outra conta.",
	AccountNotInTenantDetail:  "Use outra conta ou peça um convite à organização.",
	AccountBlockedDetail:      "Talvez as regras exijam outro dispositivo, outra rede ou outro lugar. O administrador as conhece.",
	AskAdministrator:          "Fale com o administrador da sua organização ou use outra conta.",

	StillSignedInWithout:   "Você continua conectado, mas sem o que exige essa permissão.",
	StillSignedInAsBefore:  "Você continua conectado, como antes.",
	StillSignedInUnchanged: "Você continua conectado. Nada mudou.",

	SignedOutHereDetail:     "O serviço encerrará sua sessão assim que possível.",
	SignedOutHereOnlyDetail: "O serviço encerrará sua sessão assim que possível. Talvez você ainda esteja conectado à Microsoft: tente novamente para sair de lá também.",

	SignInTitle:     "Entrar",
	SignOutTitle:    "Sair?",
	SignOutQuestion: "Deseja sair?",

	SignInButton:       "Entrar",
	SignOutButton:      "Sair",
	StaySignedInButton: "Continuar conectado",
	TryAgainButton:     "Tentar novamente",
	OtherAccountButton: "Usar outra conta",
	HomePageButton:     "Página inicial",
	ContinueButton:     "Continuar",

	Reference: "Referência para o administrador:",

	ConsentUnknown:         "Você voltou da Microsoft.",
	ConsentUnknownDetail:   "Se foi solicitado que um administrador aprovasse este aplicativo, o centro de administração do Entra mostra em “Aplicativos empresariais” se isso foi feito.",
	ConsentGranted:         "As permissões foram concedidas.",
	ConsentGrantedDetail:   "Elas foram concedidas para todos os usuários da sua organização.",
	ConsentGrantedDetailIn: "Elas foram concedidas para todos os usuários da organização {tenant}.",
	ConsentRefused:         "As permissões não foram concedidas.",
	ConsentRefusedDetail:   "Nada mudou para os usuários da sua organização.",
	ConsentRefusedDetailIn: "Nada mudou para os usuários da organização {tenant}.",
}
