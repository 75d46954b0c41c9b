//! The numeric users of a machine on which `bessemer` is started as root and nobody provisioned
//! accounts: one for the control side, one for the signer. The jailer takes its VMs' uids from 61710 on.

/// The control side: everything `bessemer` itself does.
pub(crate) const CONTROL: u32 = 61_700;
/// The signer, which alone can read the private keys.
pub(crate) const SIGNER: u32 = 61_701;
