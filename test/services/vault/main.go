// Command vault serves a Vault with in-memory storage, without TLS, for tests: KV version 1 and 2, the AWS secrets engine, and the auth
// methods AWS, Kubernetes and AppRole.
// It starts uninitialized; its data is gone when it ends.
//
// Usage: vault ADDRESS. It runs until SIGTERM or SIGINT.
package main

import (
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/hashicorp/go-hclog"
	kubeauth "github.com/hashicorp/vault-plugin-auth-kubernetes"
	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	approleauth "github.com/hashicorp/vault/builtin/credential/approle"
	awsauth "github.com/hashicorp/vault/builtin/credential/aws"
	awssecrets "github.com/hashicorp/vault/builtin/logical/aws"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/helper/logging"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

// registry tells Vault which plugins are built in. Vault looks there when a mount is enabled; it can't be nil.
type registry map[consts.PluginType]map[string]logical.Factory

func (r registry) Contains(name string, pluginType consts.PluginType) bool {
	_, found := r[pluginType][name]
	return found
}

func (r registry) Get(name string, pluginType consts.PluginType) (func() (interface{}, error), bool) {
	factory, found := r[pluginType][name]
	return func() (interface{}, error) { return factory, nil }, found
}

func (r registry) Keys(pluginType consts.PluginType) []string {
	var names []string
	for name := range r[pluginType] {
		names = append(names, name)
	}
	return names
}

func (r registry) DeprecationStatus(name string, pluginType consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, r.Contains(name, pluginType)
}

func (r registry) IsBuiltinEntPlugin(string, consts.PluginType) bool {
	return false
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: vault ADDRESS")
	}
	address := os.Args[1]
	logger := logging.NewVaultLogger(hclog.Error)
	storage, err := inmem.NewInmem(nil, logger)
	if err != nil {
		log.Fatal(err)
	}
	builtin := registry{
		consts.PluginTypeSecrets: {"kv": kv.Factory, "aws": awssecrets.Factory},
		consts.PluginTypeCredential: {
			"aws":        awsauth.Factory,
			"kubernetes": kubeauth.Factory,
			"approle":    approleauth.Factory,
		},
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical:           storage,
		StorageType:        "inmem",
		BuiltinRegistry:    builtin,
		LogicalBackends:    builtin[consts.PluginTypeSecrets],
		CredentialBackends: builtin[consts.PluginTypeCredential],
		DisableMlock:       true,
		Logger:             logger,
	})
	if err != nil {
		log.Fatal(err)
	}
	handler := vaulthttp.Handler.Handler(&vault.HandlerProperties{
		Core:           core,
		ListenerConfig: &configutil.Listener{Type: "tcp", Address: address, TLSDisable: true},
	})
	go func() {
		log.Fatal(http.ListenAndServe(address, handler))
	}()
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, os.Interrupt, syscall.SIGTERM)
	<-ended
}
