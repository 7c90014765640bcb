package entra

import (
	"github.com/fibermsal/fibermsal/internal/authority"
)

// Cloud is one of Microsoft's clouds, which have separate directories, hosts and data.
type Cloud = authority.Cloud

// The clouds.
const (
	PublicCloud       = authority.PublicCloud
	USGovernmentCloud = authority.USGovernmentCloud // GCC High, L4
	USDoDCloud        = authority.USDoDCloud        // L5
	ChinaCloud        = authority.ChinaCloud        // operated by 21Vianet
	BleuCloud         = authority.BleuCloud         // operated in France
	DelosCloud        = authority.DelosCloud        // operated in Germany
	GovSGCloud        = authority.GovSGCloud        // for the government of Singapore
)
