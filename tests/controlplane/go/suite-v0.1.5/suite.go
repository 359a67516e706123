// Package suite pins an upstream conformance suite; scripts/controlplane builds its tests.
package suite

import (
	_ "sigs.k8s.io/network-policy-api/conformance"
)
