//! Holds a function of a component against the contract's, type by type.
//!
//! Both sides are walked together, so the walk is no deeper and no longer than the contract itself, whatever the component
//! declares.

use super::Problem;
use crate::upload::printable;
use wasmparser::PrimitiveValType;
use wasmparser::component_types::{ComponentDefinedType, ComponentFuncType, ComponentValType};
use wasmparser::types::TypesRef;
use wit_parser::{Function, Resolve, Type, TypeDefKind};

/// The first difference between a function and the contract's.
pub(super) fn function(
    types: TypesRef<'_>,
    found: &ComponentFuncType,
    resolve: &Resolve,
    wanted: &Function,
) -> Option<Problem> {
    match (found.async_, wanted.kind.is_async()) {
        (false, true) => return Some(Problem::NotAsync),
        (true, false) => return Some(Problem::NotPlain),
        _ => {}
    }
    if found.params.len() != wanted.params.len() {
        return Some(Problem::Parameters { wanted: wanted.params.len(), found: found.params.len() });
    }
    let walk = Walk { types, resolve };
    let params = found.params.iter().zip(&wanted.params).find_map(|((name, found), wanted)| {
        if name.as_str() != wanted.name {
            return Some(named_otherwise("a parameter", &wanted.name, name.as_str()));
        }
        walk.value(*found, &wanted.ty).err().map(|difference| difference.below(&wanted.name))
    });
    params
        .or_else(|| walk.optional(found.result, wanted.result).err().map(|difference| difference.below("result")))
        .map(|Difference { place, wanted, found }| Problem::Type { place, wanted, found })
}

/// Where two types differ, and how.
struct Difference {
    place: String,
    wanted: String,
    found: String,
}

impl Difference {
    fn below(mut self, outer: &str) -> Self {
        self.place = if self.place.is_empty() { outer.to_owned() } else { format!("{outer}.{}", self.place) };
        self
    }
}

fn named_otherwise(place: &str, wanted: &str, found: &str) -> Difference {
    Difference { place: place.to_owned(), wanted: format!("`{wanted}`"), found: format!("`{}`", printable(found)) }
}

struct Walk<'a> {
    types: TypesRef<'a>,
    resolve: &'a Resolve,
}

impl Walk<'_> {
    fn value(&self, found: ComponentValType, wanted: &Type) -> Result<(), Difference> {
        let differ = || Difference { place: String::new(), wanted: self.wanted(wanted), found: self.found(found) };
        let wanted = match wanted {
            Type::Id(id) => &self.resolve.types[*id].kind,
            primitive => {
                return if self.primitive(found).is_some_and(|found| is(found, primitive)) { Ok(()) } else { Err(differ()) };
            }
        };
        if let TypeDefKind::Type(alias) = wanted {
            return self.value(found, alias);
        }
        let ComponentValType::Type(found) = found else { return Err(differ()) };
        self.compound(&self.types[found], wanted).unwrap_or_else(|| Err(differ()))
    }

    /// The same kind of type, and then the same parts. None where already the kind differs.
    fn compound(&self, found: &ComponentDefinedType, wanted: &TypeDefKind) -> Option<Result<(), Difference>> {
        use ComponentDefinedType as F;
        Some(match (found, wanted) {
            (F::Record(found), TypeDefKind::Record(wanted)) => self.named(
                found.fields.iter().map(|(name, ty)| (name.as_str(), Some(*ty))),
                wanted.fields.iter().map(|field| (field.name.as_str(), Some(field.ty))),
            ),
            (F::Variant(found), TypeDefKind::Variant(wanted)) => self.named(
                found.cases.iter().map(|(name, case)| (name.as_str(), case.ty)),
                wanted.cases.iter().map(|case| (case.name.as_str(), case.ty)),
            ),
            (F::Enum(found), TypeDefKind::Enum(wanted)) => self.named(
                found.iter().map(|name| (name.as_str(), None)),
                wanted.cases.iter().map(|case| (case.name.as_str(), None)),
            ),
            (F::Flags(found), TypeDefKind::Flags(wanted)) => self.named(
                found.iter().map(|name| (name.as_str(), None)),
                wanted.flags.iter().map(|flag| (flag.name.as_str(), None)),
            ),
            (F::Tuple(found), TypeDefKind::Tuple(wanted)) if found.types.len() == wanted.types.len() => {
                found.types.iter().zip(&wanted.types).enumerate().try_for_each(|(index, (found, wanted))| {
                    self.value(*found, wanted).map_err(|difference| difference.below(&index.to_string()))
                })
            }
            (F::List { element, .. }, TypeDefKind::List(wanted)) => {
                self.value(*element, wanted).map_err(|difference| difference.below("list"))
            }
            (F::Option { ty, .. }, TypeDefKind::Option(wanted)) => {
                self.value(*ty, wanted).map_err(|difference| difference.below("option"))
            }
            (F::Result { ok, err, .. }, TypeDefKind::Result(wanted)) => self
                .optional(*ok, wanted.ok)
                .map_err(|difference| difference.below("ok"))
                .and_then(|()| self.optional(*err, wanted.err).map_err(|difference| difference.below("error"))),
            // A primitive that was given a name is a type of its own on the component's side.
            _ => return None,
        })
    }

    /// Fields or cases: the same names in the same order, each with the same type.
    fn named<'n>(
        &self,
        found: impl Iterator<Item = (&'n str, Option<ComponentValType>)>,
        wanted: impl Iterator<Item = (&'n str, Option<Type>)>,
    ) -> Result<(), Difference> {
        let (mut found, mut wanted) = (found, wanted);
        loop {
            match (found.next(), wanted.next()) {
                (None, None) => return Ok(()),
                (found, wanted) if found.map(|item| item.0) != wanted.map(|item| item.0) => {
                    let (wanted, found) = (wanted.map_or("nothing", |item| item.0), found.map_or("nothing", |item| item.0));
                    return Err(named_otherwise("a field or case", wanted, found));
                }
                (Some((name, found)), Some((_, wanted))) => {
                    self.optional(found, wanted).map_err(|difference| difference.below(name))?;
                }
                _ => return Ok(()),
            }
        }
    }

    fn optional(&self, found: Option<ComponentValType>, wanted: Option<Type>) -> Result<(), Difference> {
        match (found, wanted) {
            (None, None) => Ok(()),
            (Some(found), Some(wanted)) => self.value(found, &wanted),
            (found, wanted) => Err(Difference {
                place: String::new(),
                wanted: wanted.map_or_else(|| "nothing".to_owned(), |wanted| self.wanted(&wanted)),
                found: found.map_or_else(|| "nothing".to_owned(), |found| self.found(found)),
            }),
        }
    }

    fn primitive(&self, ty: ComponentValType) -> Option<PrimitiveValType> {
        match ty {
            ComponentValType::Primitive(primitive) => Some(primitive),
            ComponentValType::Type(id) => match &self.types[id] {
                ComponentDefinedType::Primitive(primitive) => Some(*primitive),
                _ => None,
            },
        }
    }

    /// A type of the contract in words.
    fn wanted(&self, ty: &Type) -> String {
        let Type::Id(id) = ty else { return primitive_name(ty).to_owned() };
        let definition = &self.resolve.types[*id];
        match (&definition.name, &definition.kind) {
            (_, TypeDefKind::Type(alias)) => self.wanted(alias),
            (Some(name), kind) => format!("the {} `{name}`", kind.as_str()),
            (None, kind) => format!("a {}", kind.as_str()),
        }
    }

    /// A type of the component in words: its kind, since components do not carry the names of types reliably.
    fn found(&self, ty: ComponentValType) -> String {
        let id = match ty {
            ComponentValType::Primitive(primitive) => return primitive.to_string(),
            ComponentValType::Type(id) => id,
        };
        match &self.types[id] {
            ComponentDefinedType::Primitive(primitive) => return primitive.to_string(),
            ComponentDefinedType::Record(_) => "a record",
            ComponentDefinedType::Variant(_) => "a variant",
            ComponentDefinedType::List { .. } => "a list",
            ComponentDefinedType::Map { .. } => "a map",
            ComponentDefinedType::FixedLengthList { .. } => "a fixed-length list",
            ComponentDefinedType::Tuple(_) => "a tuple",
            ComponentDefinedType::Flags(_) => "flags",
            ComponentDefinedType::Enum(_) => "an enum",
            ComponentDefinedType::Option { .. } => "an option",
            ComponentDefinedType::Result { .. } => "a result",
            ComponentDefinedType::Own(_) | ComponentDefinedType::Borrow(_) => "a resource",
            ComponentDefinedType::Future { .. } => "a future",
            ComponentDefinedType::Stream { .. } => "a stream",
        }
        .to_owned()
    }
}

/// Each primitive once, on both sides.
const PRIMITIVES: [(PrimitiveValType, Type, &str); 14] = [
    (PrimitiveValType::Bool, Type::Bool, "bool"),
    (PrimitiveValType::S8, Type::S8, "s8"),
    (PrimitiveValType::U8, Type::U8, "u8"),
    (PrimitiveValType::S16, Type::S16, "s16"),
    (PrimitiveValType::U16, Type::U16, "u16"),
    (PrimitiveValType::S32, Type::S32, "s32"),
    (PrimitiveValType::U32, Type::U32, "u32"),
    (PrimitiveValType::S64, Type::S64, "s64"),
    (PrimitiveValType::U64, Type::U64, "u64"),
    (PrimitiveValType::F32, Type::F32, "f32"),
    (PrimitiveValType::F64, Type::F64, "f64"),
    (PrimitiveValType::Char, Type::Char, "char"),
    (PrimitiveValType::String, Type::String, "string"),
    (PrimitiveValType::ErrorContext, Type::ErrorContext, "error-context"),
];

fn is(found: PrimitiveValType, wanted: &Type) -> bool {
    PRIMITIVES.iter().any(|(primitive, ty, _)| *primitive == found && ty == wanted)
}

fn primitive_name(wanted: &Type) -> &'static str {
    PRIMITIVES.iter().find(|(_, ty, _)| ty == wanted).map_or("a type", |(.., name)| name)
}
