//! Go's `encoding/gob`, as far as a map of structures needs it.
//!
//! A stream is a sequence of messages, each behind its length. Some define types, with the names
//! of their fields; the last brings the value, which can be read with these definitions only. What
//! is not wanted is passed over by its type, so a field more or less does no harm.
//!
//! # Limitations
//!
//! - Interfaces and complex numbers are refused: the cache holds none.
//! - Only the first value of a stream is read.

use std::collections::BTreeMap;

/// Types that may be defined.
const MOST_TYPES: usize = 64;
/// Fields of one type.
const MOST_FIELDS: usize = 256;
/// Values within values.
const DEEPEST: usize = 16;

// The numbers of the types that need no definition.
const BOOLEAN: i64 = 1;
const INTEGER: i64 = 2;
const UNSIGNED: i64 = 3;
const FLOAT: i64 = 4;
const OCTETS: i64 = 5;
const STRING: i64 = 6;

/// What is wrong with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

const CUT: Malformed = Malformed("it ends too early");
const UNDEFINED: Malformed = Malformed("a type is not defined");
const NO_TYPE: Malformed = Malformed("a definition of a type makes no sense");

/// The types of a stream.
#[derive(Debug, Default)]
pub(super) struct Gob(BTreeMap<i64, Type>);

#[derive(Debug)]
enum Type {
    Struct(Vec<(String, i64)>),
    Map {
        key: i64,
        element: i64,
    },
    /// Slices and arrays.
    List(i64),
    /// What a type of Go has written by itself.
    Opaque,
}

/// A value that is about to be read. It has to be, or to be passed over.
pub(super) enum Value<'gob, 'octets> {
    Unsigned(u64),
    /// Text or octets.
    Octets(&'octets [u8]),
    /// What a type of Go has written by itself.
    Opaque(&'octets [u8]),
    Struct(Fields<'gob, 'octets>),
    /// Read already, and not wanted.
    Other,
}

/// The fields of a structure that is being read. All have to be.
pub(super) struct Fields<'gob, 'octets> {
    gob: &'gob Gob,
    fields: &'gob [(String, i64)],
    /// The field that was read last, counted from one.
    at: usize,
    reader: &'gob mut Reader<'octets>,
    depth: usize,
    is_over: bool,
}

/// What is left to read.
struct Reader<'octets>(&'octets [u8]);

impl Gob {
    /// Reads a map from text to structures, and hands over each.
    pub(super) fn read_map(
        octets: &[u8],
        mut each: impl FnMut(&str, &mut Fields<'_, '_>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let mut types = Self::default();
        let mut stream = Reader(octets);
        loop {
            let mut message = Reader(stream.octets()?);
            let number = message.integer()?;
            if number < 0 {
                types.define(number.checked_neg().ok_or(NO_TYPE)?, &mut message)?;
                continue;
            }
            // Before a value that is no structure stands a zero.
            if message.unsigned()? != 0 {
                return Err(Malformed("it is no map"));
            }
            let Some(&Type::Map { key: STRING, element }) = types.0.get(&number) else {
                return Err(Malformed("it is no map of texts"));
            };
            let Some(Type::Struct(fields)) = types.0.get(&element) else {
                return Err(Malformed("it is no map to structures"));
            };
            for _ in 0..message.unsigned()? {
                let key = std::str::from_utf8(message.octets()?);
                let key = key.map_err(|_| Malformed("a name is no text"))?;
                let reader = &mut message;
                let mut fields =
                    Fields { gob: &types, fields, at: 0, reader, depth: 0, is_over: false };
                each(key, &mut fields)?;
                fields.skip()?;
            }
            return Ok(());
        }
    }

    /// Takes in the definition of a type.
    fn define(&mut self, number: i64, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        if self.0.len() >= MOST_TYPES {
            return Err(Malformed("it defines too many types"));
        }
        let mut defined = None;
        let mut kind = 0;
        while let Some(step) = reader.step()? {
            kind = step.checked_add(kind).ok_or(NO_TYPE)?;
            defined = Some(match kind {
                // Array, slice: what they are, their element, and for an array its length.
                1 | 2 => Type::List(reader.numbers_behind_name(3)?.0),
                3 => Type::Struct(reader.definition_of_struct()?),
                4 => {
                    let (key, element) = reader.numbers_behind_name(3)?;
                    Type::Map { key, element }
                }
                5..=7 => {
                    reader.numbers_behind_name(1)?;
                    Type::Opaque
                }
                _ => return Err(NO_TYPE),
            });
        }
        self.0.insert(number, defined.ok_or(NO_TYPE)?);
        Ok(())
    }

    fn value<'gob, 'octets>(
        &'gob self,
        number: i64,
        reader: &'gob mut Reader<'octets>,
        depth: usize,
    ) -> Result<Value<'gob, 'octets>, Malformed> {
        if depth > DEEPEST {
            return Err(Malformed("it is nested too deep"));
        }
        match number {
            UNSIGNED => return Ok(Value::Unsigned(reader.unsigned()?)),
            BOOLEAN | INTEGER | FLOAT => {
                reader.unsigned()?;
                return Ok(Value::Other);
            }
            OCTETS | STRING => return Ok(Value::Octets(reader.octets()?)),
            _ => {}
        }
        match self.0.get(&number).ok_or(UNDEFINED)? {
            Type::Opaque => Ok(Value::Opaque(reader.octets()?)),
            Type::Struct(fields) => Ok(Value::Struct(Fields {
                gob: self,
                fields,
                at: 0,
                reader,
                depth,
                is_over: false,
            })),
            // Whatever a value is, it takes an octet at least: the count is bounded by the length.
            Type::List(element) => {
                for _ in 0..reader.unsigned()? {
                    self.value(*element, reader, depth.saturating_add(1))?.skip()?;
                }
                Ok(Value::Other)
            }
            Type::Map { key, element } => {
                for _ in 0..reader.unsigned()? {
                    self.value(*key, reader, depth.saturating_add(1))?.skip()?;
                    self.value(*element, reader, depth.saturating_add(1))?.skip()?;
                }
                Ok(Value::Other)
            }
        }
    }
}

impl<'octets> Fields<'_, 'octets> {
    /// The next field with its name; `None` after the last.
    pub(super) fn next_field(&mut self) -> Result<Option<(&str, Value<'_, 'octets>)>, Malformed> {
        if self.is_over {
            return Ok(None);
        }
        let Some(step) = self.reader.step()? else {
            self.is_over = true;
            return Ok(None);
        };
        self.at = self.at.checked_add(step).ok_or(UNDEFINED)?;
        let field = self.at.checked_sub(1).and_then(|index| self.fields.get(index));
        let (name, number) = field.ok_or(Malformed("a field is not defined"))?;
        let value = self.gob.value(*number, self.reader, self.depth.saturating_add(1))?;
        Ok(Some((name, value)))
    }

    fn skip(&mut self) -> Result<(), Malformed> {
        while let Some((_, value)) = self.next_field()? {
            value.skip()?;
        }
        Ok(())
    }
}

impl Value<'_, '_> {
    /// Passes it over.
    pub(super) fn skip(self) -> Result<(), Malformed> {
        match self {
            Self::Struct(mut fields) => fields.skip(),
            Self::Unsigned(_) | Self::Octets(_) | Self::Opaque(_) | Self::Other => Ok(()),
        }
    }
}

impl<'octets> Reader<'octets> {
    /// A number: itself below 128; else how many octets follow, counted down from 256, and these.
    fn unsigned(&mut self) -> Result<u64, Malformed> {
        let (first, rest) = self.0.split_first().ok_or(CUT)?;
        self.0 = rest;
        if *first < 128 {
            return Ok(u64::from(*first));
        }
        let length = usize::from(first.wrapping_neg());
        if length > 8 {
            return Err(Malformed("a number is too long"));
        }
        let octets = self.take(length)?;
        Ok(octets.iter().fold(0, |number, octet| (number << 8) | u64::from(*octet)))
    }

    /// A number whose lowest bit is the sign.
    fn integer(&mut self) -> Result<i64, Malformed> {
        let number = self.unsigned()?;
        let magnitude = (number >> 1).cast_signed();
        Ok(if number & 1 == 0 { magnitude } else { !magnitude })
    }

    /// Octets behind their length.
    fn octets(&mut self) -> Result<&'octets [u8], Malformed> {
        let length = usize::try_from(self.unsigned()?).map_err(|_| CUT)?;
        self.take(length)
    }

    fn take(&mut self, length: usize) -> Result<&'octets [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(CUT)?;
        self.0 = rest;
        Ok(taken)
    }

    /// How many fields further the next one is; `None` at the end of a structure.
    fn step(&mut self) -> Result<Option<usize>, Malformed> {
        let step = usize::try_from(self.unsigned()?).map_err(|_| NO_TYPE)?;
        Ok((step != 0).then_some(step))
    }

    /// What is common to all definitions: a name and a number.
    fn name_and_number(&mut self) -> Result<(String, i64), Malformed> {
        let (mut name, mut number, mut at) = (String::new(), 0, 0_usize);
        while let Some(step) = self.step()? {
            at = at.checked_add(step).ok_or(NO_TYPE)?;
            match at {
                1 => name = String::from_utf8_lossy(self.octets()?).into_owned(),
                2 => number = self.integer()?,
                _ => return Err(NO_TYPE),
            }
        }
        Ok((name, number))
    }

    /// A definition of what is common and up to two numbers; `last` is its last field.
    fn numbers_behind_name(&mut self, last: usize) -> Result<(i64, i64), Malformed> {
        let (mut first, mut second, mut at) = (0, 0, 0_usize);
        while let Some(step) = self.step()? {
            at = at.checked_add(step).filter(|at| *at <= last).ok_or(NO_TYPE)?;
            match at {
                1 => drop(self.name_and_number()?),
                2 => first = self.integer()?,
                _ => second = self.integer()?,
            }
        }
        Ok((first, second))
    }

    fn definition_of_struct(&mut self) -> Result<Vec<(String, i64)>, Malformed> {
        let (mut fields, mut at) = (Vec::new(), 0_usize);
        while let Some(step) = self.step()? {
            at = at.checked_add(step).ok_or(NO_TYPE)?;
            match at {
                1 => drop(self.name_and_number()?),
                2 => {
                    let count = usize::try_from(self.unsigned()?).map_err(|_| NO_TYPE)?;
                    if count > MOST_FIELDS {
                        return Err(Malformed("a type has too many fields"));
                    }
                    for _ in 0..count {
                        fields.push(self.name_and_number()?);
                    }
                }
                _ => return Err(NO_TYPE),
            }
        }
        Ok(fields)
    }
}
