//! The metrics of one part of the program.

use super::{Definition, Exposition};

/// A set of metrics that stand together. Made by [`metric_table!`](crate::metric_table).
pub trait Table {
    /// Its metrics, in the order in which they are written.
    fn definitions() -> &'static [Definition]
    where
        Self: Sized;

    /// Writes the values that it has now.
    fn write(&self, text: &mut Exposition);
}

/// Defines a struct of metrics: `field: Instrument = "name", "help";` for each.
///
/// The struct is `Default`, with every value at 0, and a [`Table`](crate::metrics::Table).
///
/// ```
/// use sealpost_runtime::metrics::{Counter, Exposition, Histogram};
///
/// sealpost_runtime::metric_table! {
///     /// What a kettle does.
///     pub(crate) struct KettleMetrics {
///         boiled: Counter = "kettle_boiled_total", "Times that water boiled.";
///         boiling: Histogram = "kettle_boiling_seconds", "How long it took.";
///     }
/// }
///
/// let metrics = KettleMetrics::default();
/// metrics.boiled.increment();
/// let mut text = Exposition::default();
/// text.table(&metrics);
/// assert!(text.as_str().contains("\nkettle_boiled_total 1\n"));
/// ```
#[macro_export]
macro_rules! metric_table {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $table:ident {
            $($field:ident: $instrument:ty = $name:literal, $help:literal;)+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Default)]
        $visibility struct $table {
            $(
                #[doc = $help]
                $visibility $field: $instrument,
            )+
        }

        impl $crate::metrics::Table for $table {
            fn definitions() -> &'static [$crate::metrics::Definition] {
                const {
                    &[$($crate::metrics::Definition::of::<$instrument>($name, $help)),+]
                }
            }

            fn write(&self, text: &mut $crate::metrics::Exposition) {
                $(text.metric(
                    const { &$crate::metrics::Definition::of::<$instrument>($name, $help) },
                    &self.$field,
                );)+
            }
        }
    };
}
