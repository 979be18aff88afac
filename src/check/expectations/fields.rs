//! Objects as expressions see them. CEL's own maps are copied whole at every step of an expression; these are shared.

use std::any::Any;
use std::sync::Arc;

use cel::ExecutionError;
use cel::common::traits::{Container, Indexer, Iterable, Iterator as Elements, Sizer, Zeroer};
use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelNull, CelString, CelUInt, MAP_TYPE, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use serde_json::Value as Json;

/// The function that a map literal is a call of, with its keys and values in turn: no name that an expression can have. So
/// there is one kind of map, and `==` says the same whichever side one stands on.
pub(super) const MAP_LITERAL: &str = "{}";

/// A value of CEL that owns itself.
pub(super) type Owned = Box<dyn Val>;

/// One that is part of such a value.
pub(super) type Part = dyn Val + 'static;

/// A map from strings, in their order: a clone shares its entries.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Arc<Vec<(CelString<'static>, Owned)>>);

impl Fields {
    /// These fields. Of a name that comes twice the last one counts.
    pub(super) fn new(fields: impl IntoIterator<Item = (String, Owned)>) -> Fields {
        let fields = fields.into_iter();
        let mut entries: Vec<(CelString<'static>, Owned)> = Vec::with_capacity(fields.size_hint().0);
        for (name, value) in fields {
            let name = CelString::from(name);
            match entries.binary_search_by(|(known, _)| known.cmp(&name)) {
                Ok(place) => entries[place].1 = value,
                Err(place) => entries.insert(place, (name, value)),
            }
        }
        Fields(Arc::new(entries))
    }

    /// The same fields but for one.
    pub(super) fn with(&self, name: &str, value: Owned) -> Fields {
        let others = self.0.iter().filter(|(known, _)| known.inner() != name);
        let others = others.map(|(known, value)| (known.inner().to_owned(), value.clone_as_boxed()));
        Fields::new(others.chain([(name.to_owned(), value)]))
    }

    /// Those of a JSON object; anything else has none.
    pub(super) fn of(json: Json) -> Fields {
        match json {
            Json::Object(fields) => Fields::new(fields.into_iter().map(|(name, field)| (name, value(field)))),
            _ => Fields::default(),
        }
    }

    /// The field of that name.
    pub(super) fn get(&self, name: &str) -> Option<&Part> {
        let place = self.0.binary_search_by(|(known, _)| known.inner().cmp(name));
        place.ok().map(|place| &*self.0[place].1)
    }

    /// What those names lead to, one by one.
    pub(super) fn path(&self, path: &[&str]) -> Option<&Part> {
        let (last, objects) = path.split_last()?;
        let innermost = objects.iter().try_fold(self, |fields, name| {
            fields.get(name).and_then(Part::downcast_ref::<Fields>)
        });
        innermost?.get(last)
    }

    /// The objects in the list that those names lead to.
    pub(super) fn list<'a>(&'a self, path: &[&str]) -> impl Iterator<Item = &'a Fields> + use<'a> {
        let list = self.path(path).and_then(Part::downcast_ref::<CelList>);
        let elements = list.into_iter().flat_map(|list| list.inner());
        elements.filter_map(|element| element.downcast_ref::<Fields>())
    }

    /// The entries, in the order of their names.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &Part)> {
        self.0.iter().map(|(name, value)| (name.inner(), &**value))
    }
}

/// JSON as CEL has it: whole numbers are ints, so that they equal what expressions compare them with.
pub(super) fn value(json: Json) -> Owned {
    match json {
        Json::Null => Box::new(CelNull),
        Json::Bool(truth) => Box::new(CelBool::from(truth)),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Box::new(CelInt::from(whole)),
            None => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        Json::String(text) => Box::new(CelString::from(text)),
        Json::Array(list) => Box::new(CelList::from(list.into_iter().map(value).collect::<Vec<_>>())),
        Json::Object(_) => Box::new(Fields::of(json)),
    }
}

/// A copy that borrows nothing.
pub(super) fn copy(value: &dyn Val) -> Owned {
    if let Some(text) = value.downcast_ref::<CelString>() {
        Box::new(text.clone().into_static())
    } else if let Some(list) = value.downcast_ref::<CelList>() {
        let elements = list.inner().iter().map(|element| copy(&**element));
        Box::new(CelList::from(elements.collect::<Vec<_>>()))
    } else if let Some(fields) = value.downcast_ref::<Fields>() {
        Box::new(fields.clone())
    } else if let Some(truth) = value.downcast_ref::<CelBool>() {
        Box::new(*truth)
    } else if let Some(number) = value.downcast_ref::<CelInt>() {
        Box::new(*number)
    } else if let Some(number) = value.downcast_ref::<CelUInt>() {
        Box::new(*number)
    } else if let Some(number) = value.downcast_ref::<CelDouble>() {
        Box::new(*number)
    } else {
        Box::new(CelNull)
    }
}

impl Val for Fields {
    fn get_type(&self) -> &Type {
        Fields::cel_type()
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn as_zeroer(&self) -> Option<&dyn Zeroer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        other.downcast_ref::<Fields>().is_some_and(|other| {
            let same =
                |((name, a), (its, b)): (&(CelString, Owned), &(CelString, Owned))| name == its && a.equals(&**b);
            Arc::ptr_eq(&self.0, &other.0) || self.0.len() == other.0.len() && self.0.iter().zip(&*other.0).all(same)
        })
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Fields {}

impl Container for Fields {
    fn contains(&self, name: &dyn Val) -> Result<bool, ExecutionError> {
        let name = name.downcast_ref::<CelString>();
        Ok(name.is_some_and(|name| self.get(name.inner()).is_some()))
    }
}

impl Indexer for Fields {
    fn get<'b, 'v>(&'b self, name: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let Some(name) = name.downcast_ref::<CelString>() else {
            return Err(ExecutionError::UnexpectedType {
                got: name.get_type().name().to_owned(),
                want: "string".to_owned(),
            });
        };
        match Fields::get(self, name.inner()) {
            Some(found) => Ok(CowVal::Borrowed(found)),
            None => Err(ExecutionError::NoSuchKey(Arc::new(name.inner().to_owned()))),
        }
    }

    fn steal<'v>(self: Box<Self>, name: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Indexer::get(&*self, name).map(CowVal::into_owned)
    }
}

impl Iterable for Fields {
    fn iter<'b, 'v>(&'b self) -> Box<dyn Elements<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Names(self.0.iter()))
    }
}

/// The names of fields, one by one.
struct Names<'b>(std::slice::Iter<'b, (CelString<'static>, Owned)>);

impl<'b, 'v> Elements<'b, 'v> for Names<'b> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.0.next().map(|(name, _)| name as &dyn Val)
    }
}

impl Sizer for Fields {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.0.len()).unwrap_or(i64::MAX))
    }
}

impl Zeroer for Fields {
    fn is_zero_value(&self) -> bool {
        self.0.is_empty()
    }
}
