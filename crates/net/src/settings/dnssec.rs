//! Who says what is secure.

use schemars::JsonSchema;
use serde::Deserialize;

/// Who says which answers of the DNS are secure. In a file: `auto`, `validate`, `trusted-resolver`,
/// `off`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DnssecMode {
    /// The resolvers, if all of them are on this machine and are seen to validate; else this
    /// program, if the resolvers hand out signatures that fit the trust anchors; else nobody. Which
    /// it is, is found out with the first look-up, and again every ten minutes.
    #[default]
    Auto,
    /// This program, from its trust anchors. What the resolvers say of it does not count.
    Validate,
    /// The resolvers, which must all be on this machine (RFC 7672 §2.1.1). Where they are seen to
    /// validate, an answer that they do not vouch for is insecure; else nothing is known of it.
    TrustedResolver,
    /// Nobody: every answer is indeterminate.
    Off,
}
