//! The failure details.

use super::members::{Keys, Seen};
use super::policies::normal_name;
use super::{Place, Reader, Refusal, RepairKind, Shape, replace};
use crate::ResultType;
use crate::report::FailureDetail;

const KEYS: Keys = Keys {
    names: &[
        "result-type",
        "sending-mta-ip",
        "receiving-ip",
        "receiving-mx-hostname",
        "receiving-mx-helo",
        "failed-session-count",
        "additional-information",
        "failure-reason-code",
    ],
    drafts: &[
        ("additional-info-uri", "additional-information"),
        ("additional-info", "additional-information"),
        ("failure-error-code", "failure-reason-code"),
        ("session-count", "failed-session-count"),
    ],
};

impl Reader<'_> {
    pub(super) fn failure_details(&mut self, place: &Place<'_>) -> Option<Vec<FailureDetail>> {
        let mut details = Vec::new();
        match self.cursor.shape() {
            Shape::Array => {
                self.cursor.open();
                let mut index = 0;
                while self.cursor.item() {
                    let here = place.index(index);
                    if self.details == self.limits.details {
                        self.refuse(Refusal::TooManyDetails { limit: self.limits.details });
                        break;
                    }
                    if self.is_object(&here) {
                        self.details += 1;
                        details.push(self.detail(&here));
                    }
                    self.settle(&here);
                    index += 1;
                }
                if index == 0 && !self.cursor.is_stopped() {
                    self.repair(RepairKind::EmptyArray, place);
                }
            }
            Shape::Object => {
                self.repair(RepairKind::ObjectForArray, place);
                details.push(self.detail(place));
            }
            _ => {
                self.no_value(place);
                return None;
            }
        }
        Some(details)
    }

    fn detail(&mut self, place: &Place<'_>) -> FailureDetail {
        let mut detail = FailureDetail::default();
        let mut seen = Seen::default();
        self.cursor.open();
        while let Some(member) = self.member(&KEYS, &mut seen, place) {
            let here = place.key(&member.written);
            match member.name {
                "result-type" => replace(&mut detail.result_type, self.result_type(&here)),
                "sending-mta-ip" => replace(&mut detail.sending_mta_ip, self.address(&here)),
                "receiving-ip" => replace(&mut detail.receiving_ip, self.address(&here)),
                "receiving-mx-hostname" => {
                    replace(&mut detail.receiving_mx_hostname, self.name(&here));
                }
                "receiving-mx-helo" => {
                    replace(&mut detail.receiving_mx_helo, self.text_value(&here));
                }
                "failed-session-count" => {
                    replace(&mut detail.failed_session_count, self.count(&here));
                }
                "additional-information" => {
                    replace(&mut detail.additional_information, self.uri(&here));
                }
                "failure-reason-code" => {
                    replace(&mut detail.failure_reason_code, self.text_value(&here));
                }
                _ => self.unknown(&member, &mut detail.unknown, &here),
            }
            self.settle(&here);
        }
        self.settle(place);
        self.expect(&KEYS, &seen, "result-type", RepairKind::ResultTypeMissing, place);
        self.expect(&KEYS, &seen, "failed-session-count", RepairKind::CountMissing, place);
        if !detail.is_without_session() {
            self.expect(&KEYS, &seen, "sending-mta-ip", RepairKind::SendingIpMissing, place);
            self.expect(
                &KEYS,
                &seen,
                "receiving-mx-hostname",
                RepairKind::ReceivingMxMissing,
                place,
            );
            self.expect(&KEYS, &seen, "receiving-ip", RepairKind::ReceivingIpMissing, place);
        }
        if is_general(detail.result_type.as_ref()) {
            self.expect(&KEYS, &seen, "failure-reason-code", RepairKind::ReasonCodeMissing, place);
        }
        detail
    }

    fn result_type(&mut self, place: &Place<'_>) -> Option<ResultType> {
        let text = self.text_there(place)?;
        let known = ResultType::from(text.as_ref());
        if known.is_registered() {
            return Some(known);
        }
        let normal = ResultType::from(normal_name(&text).as_str());
        if normal.is_registered() {
            self.repair(RepairKind::ResultTypeForm, place);
            return Some(normal);
        }
        self.repair(RepairKind::ResultTypeUnknown, place);
        Some(known)
    }

    fn uri(&mut self, place: &Place<'_>) -> Option<String> {
        let text = self.text_value(place)?;
        if !is_uri(&text) {
            self.repair(RepairKind::AdditionalInformationForm, place);
        }
        Some(text)
    }
}

/// Whether the result type says so little that the reason code is wanted.
//= https://www.rfc-editor.org/rfc/rfc8460#section-4.3.1
//# When
//# using this declaration, the reporting MTA SHOULD utilize the
//# "failure-reason-code" to provide more information to the receiving
//# entity.
//= https://www.rfc-editor.org/rfc/rfc8460#section-4.3.3
//# When this category is used, the
//# reporter SHOULD also use "failure-reason-code" to give some feedback
//# to the receiving entity.
fn is_general(result_type: Option<&ResultType>) -> bool {
    matches!(result_type, Some(ResultType::CertificateNotTrusted | ResultType::ValidationFailure))
}

/// Whether a text has the outer form of a URI (RFC 3986): a scheme, a colon, and no white space.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        && !rest.is_empty()
        && rest.chars().all(|c| c.is_ascii_graphic())
}
