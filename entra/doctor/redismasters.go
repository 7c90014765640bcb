package doctor

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"

	"github.com/redis/go-redis/v9"
)

// maxTags is how many hash tags are tried to find a key for each master of a Cluster.
const maxTags = 4096

// master is a Redis server to which keys are written.
type master struct {
	name   string // its address, or "" if it is the only one
	client redis.UniversalClient
	// key is an unused key in a slot of this master that the app's rights cover. A diagnosis touches no
	// other key and stores nothing under it.
	key string
}

// reach returns the masters after each has answered, which all other checks require. keyOf returns an
// unused key in the slot of a hash tag.
func reach(ctx context.Context, client redis.UniversalClient, keyOf func(tag string) string) ([]master, error) {
	masters, err := mastersOf(ctx, client, keyOf)
	if err != nil {
		return nil, err
	}
	for _, m := range masters {
		err := m.client.Get(ctx, m.key).Err()
		answered := err == nil || errors.Is(err, redis.Nil) || isDenied(err) && !isDeniedDatabase(err)
		if !answered {
			return nil, err
		}
	}
	return masters, nil
}

func mastersOf(ctx context.Context, client redis.UniversalClient, keyOf func(tag string) string) ([]master, error) {
	cluster, isCluster := client.(*redis.ClusterClient)
	if !isCluster {
		return []master{{client: client, key: keyOf("0")}}, nil
	}
	nodes, err := clusterMasters(ctx, cluster)
	if err != nil {
		return nil, err
	}
	masters := make(map[string]master)
	for i := 0; i < maxTags && len(masters) < len(nodes); i++ {
		key := keyOf(strconv.Itoa(i))
		node, err := cluster.MasterForKey(ctx, key)
		if err != nil {
			return nil, err
		}
		name := node.Options().Addr
		if _, found := masters[name]; !found && nodes[name] != nil {
			masters[name] = master{name: name, client: nodes[name], key: key}
		}
	}
	return sorted(masters), nil // masters without slots are left out
}

func sorted(masters map[string]master) (list []master) {
	for _, m := range masters {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b master) int { return cmp.Compare(a.name, b.name) })
	return list
}

func clusterMasters(ctx context.Context, cluster *redis.ClusterClient) (map[string]*redis.Client, error) {
	var mu sync.Mutex
	nodes := make(map[string]*redis.Client)
	err := cluster.ForEachMaster(ctx, func(_ context.Context, node *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		nodes[node.Options().Addr] = node
		return nil
	})
	return nodes, err
}
