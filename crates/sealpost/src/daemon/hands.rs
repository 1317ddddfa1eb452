//! What is done where somebody gave his word on a page.

use futures_util::future::BoxFuture;
use sealpost_publish::Leader;
use sealpost_publish::drive::{Order, WordError};
use sealpost_web::{Carried, Declined, Deed, Hands, Wish};

use super::front::Front;
use crate::outcome::with_source;

/// The hands of the role that publishes, as long as it runs.
pub(super) struct PublishHands(pub(super) Front);

impl Hands for PublishHands {
    fn are_there(&self) -> bool {
        self.0.leader().is_some()
    }

    fn carry_out(&self, wish: Wish) -> BoxFuture<'static, Result<Carried, Declined>> {
        let leader = self.0.leader();
        Box::pin(async move {
            let why = "the role publish does not run now".to_owned();
            let leader = leader.ok_or(Declined::Refused(why))?;
            // It comes to its end, whether somebody waits for it or not.
            let done = tokio::spawn(carry_out(leader, wish)).await;
            done.unwrap_or_else(|error| Err(Declined::Failed(error.to_string())))
        })
    }
}

async fn carry_out(leader: Leader, wish: Wish) -> Result<Carried, Declined> {
    let Wish { domain, deed, by, reason } = wish;
    match deed {
        Deed::Move { to, force } => {
            let passed = leader.carry_out(&domain, &Order { to, by, reason, force }).await;
            let passed = passed
                .map_err(|error| Declined::Failed(format!("failed to {}", with_source(&error))))?;
            let Some(pass) = passed else {
                return Err(Declined::Unknown(format!("{domain} is not configured")));
            };
            match pass.refused {
                Some(why) => Err(Declined::Refused(why)),
                None if pass.before == pass.stage => {
                    let why = [pass.todo, pass.untold].concat().join("; ");
                    Err(Declined::Refused(format!("{domain} stays in {}: {why}", pass.stage)))
                }
                None => {
                    let said = format!("{} → {}", pass.before, pass.stage);
                    Ok(Carried { said, remains: pass.remains })
                }
            }
        }
        Deed::Waive => {
            let statement = leader.statement(domain, by, reason);
            let stage =
                statement.waive(&leader.rollouts()).await.map_err(|error| declined(&error))?;
            let said = format!("may leave {stage} without the evidence of reports");
            Ok(Carried { said, remains: None })
        }
        Deed::Accept { groups } => {
            let statement = leader.statement(domain, by, reason);
            statement
                .accept(&leader.rollouts(), &groups)
                .await
                .map_err(|error| declined(&error))?;
            Ok(Carried { said: "accepted".to_owned(), remains: None })
        }
    }
}

fn declined(error: &WordError) -> Declined {
    let why = format!("failed to {}", with_source(error));
    match error {
        WordError::Unknown(_) => Declined::Unknown(why),
        WordError::Store(_) => Declined::Failed(why),
        _ => Declined::Refused(why),
    }
}
