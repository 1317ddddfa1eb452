//! Who did what here, and who may.

use sealpost_store::{Act, StoreError, Token};

use super::{Desk, Extent};
use crate::model::{ActRow, Acts, TokenRow};

/// Rows of a page.
const PAGE: u32 = 200;

impl Desk {
    /// A page of the audit log: what stands before this number.
    pub(crate) async fn acts(
        &self,
        before: Option<i64>,
        extent: Extent,
    ) -> Result<Acts, StoreError> {
        let limit = extent.rows(PAGE);
        let rows = self.store.audit().list(before, limit).await?;
        let has_more = rows.len() == limit as usize;
        let next = rows.last().map(|(id, _)| *id).filter(|_| has_more);
        Ok(Acts { acts: rows.into_iter().map(|(_, act)| row(act)).collect(), next })
    }

    /// Every token.
    pub(crate) async fn tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        let tokens = self.store.tokens().list().await?;
        let row = |token: Token| TokenRow {
            name: token.name,
            rights: token.rights.as_str(),
            made_at: token.made_at,
            ends_at: token.ends_at,
            used_at: token.used_at,
        };
        Ok(tokens.into_iter().map(row).collect())
    }
}

fn row(act: Act) -> ActRow {
    let Act { at, who, source, what, about, outcome, .. } = act;
    ActRow { at, who, source, what, about, outcome }
}
