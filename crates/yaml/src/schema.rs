//! JSON Schema of the files that people write, for editors.
//!
//! The schema is what the decoder says of itself: a deserializer without input walks the types and
//! writes down every mapping, list and scalar that they ask for. A key that is decoded is therefore
//! in the schema, and no other.

use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

/// Keys that mappings must have, by the names of the types that they decode to.
pub type Required = &'static [(&'static str, &'static [&'static str])];

/// The schema of what decodes as `T`. `required` says, by the name of a type, the keys without which
/// its mapping is refused: the decoder does not tell.
pub fn schema<'de, T: Deserialize<'de>>(
    title: &str,
    description: &str,
    required: Required,
) -> Value {
    let mut definitions = Map::new();
    let mut root = Value::Null;
    let walker = Walker {
        slot: &mut root,
        definitions: &mut definitions,
        required,
    };
    // Values are never missing, so that walking ends with one: nothing is done with it.
    let walked = T::deserialize(walker);
    debug_assert!(walked.is_ok(), "{:?}", walked.err());
    let mut all = Map::new();
    all.insert(
        "$schema".into(),
        json!("https://json-schema.org/draft/2020-12/schema"),
    );
    all.insert("title".into(), json!(title));
    all.insert("description".into(), json!(description));
    if let Value::Object(root) = root {
        all.extend(root);
    }
    all.insert("$defs".into(), Value::Object(definitions));
    Value::Object(all)
}

/// A deserializer that has no input, and writes down what it is asked for.
struct Walker<'a> {
    slot: &'a mut Value,
    definitions: &'a mut Map<String, Value>,
    required: Required,
}

type Nothing = de::value::Error;

impl<'de> Deserializer<'de> for Walker<'_> {
    type Error = Nothing;

    /// Texts ask so, since any scalar is one.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        *self.slot = json!({"type": ["string", "number", "boolean", "null"]});
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        *self.slot = json!(true);
        visitor.visit_unit()
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        *self.slot = json!({"type": "boolean"});
        visitor.visit_bool(false)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        *self.slot = json!({"type": "integer"});
        visitor.visit_i64(0)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        *self.slot = json!({"type": "integer", "minimum": 0});
        visitor.visit_u64(0)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        *self.slot = json!({"type": "string"});
        visitor.visit_str("")
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        let mut inner = Value::Null;
        let walker = Walker {
            slot: &mut inner,
            definitions: &mut *self.definitions,
            required: self.required,
        };
        let value = visitor.visit_some(walker)?;
        *self.slot = nullable(inner);
        Ok(value)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Nothing> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        let mut items = Value::Null;
        let value = visitor.visit_seq(One {
            slot: Some(&mut items),
            definitions: &mut *self.definitions,
            required: self.required,
        })?;
        *self.slot = json!({"type": "array", "items": items});
        Ok(value)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        let mut values = Value::Null;
        let value = visitor.visit_map(One {
            slot: Some(&mut values),
            definitions: &mut *self.definitions,
            required: self.required,
        })?;
        *self.slot = json!({"type": "object", "additionalProperties": values});
        Ok(value)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Nothing> {
        *self.slot = json!({"$ref": format!("#/$defs/{name}")});
        let known = self.definitions.contains_key(name);
        let required = self.required.iter().find(|(own, _)| *own == name);
        let required = required.map_or(&[][..], |(_, keys)| *keys);
        let walked: &[&str] = if known { required } else { fields };
        if !known {
            // Steps hold steps: the name must be known before its fields are walked.
            self.definitions.insert(name.to_owned(), Value::Null);
        }
        let mut properties = Map::new();
        let value = visitor.visit_map(Fields {
            left: walked,
            properties: &mut properties,
            definitions: &mut *self.definitions,
            required: self.required,
        })?;
        if !known {
            let mut definition = json!({
                "type": "object",
                "properties": properties,
                "additionalProperties": false,
            });
            if !required.is_empty() {
                definition["required"] = json!(required);
            }
            self.definitions.insert(name.to_owned(), definition);
        }
        Ok(value)
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u128 f32 f64 char str bytes byte_buf unit unit_struct tuple
        tuple_struct enum identifier
    }
}

/// The same, or null.
fn nullable(schema: Value) -> Value {
    match schema {
        Value::Object(mut map) if map.get("type").is_some_and(Value::is_string) => {
            let kind = map["type"].take();
            map.insert("type".into(), json!([kind, "null"]));
            Value::Object(map)
        }
        Value::Object(map) if map.contains_key("$ref") => {
            json!({"anyOf": [Value::Object(map), {"type": "null"}]})
        }
        other => other,
    }
}

/// A list or a map of free keys, with one entry.
struct One<'a> {
    slot: Option<&'a mut Value>,
    definitions: &'a mut Map<String, Value>,
    required: Required,
}

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = Nothing;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Nothing> {
        let Some(slot) = self.slot.take() else {
            return Ok(None);
        };
        let definitions = &mut *self.definitions;
        seed.deserialize(Walker {
            slot,
            definitions,
            required: self.required,
        })
        .map(Some)
    }
}

impl<'de> MapAccess<'de> for One<'_> {
    type Error = Nothing;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Nothing> {
        if self.slot.is_none() {
            return Ok(None);
        }
        seed.deserialize(StrDeserializer::new("key")).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Nothing> {
        let slot = self
            .slot
            .take()
            .ok_or_else(|| de::Error::custom("one entry"))?;
        let definitions = &mut *self.definitions;
        seed.deserialize(Walker {
            slot,
            definitions,
            required: self.required,
        })
    }
}

/// The fields of a struct.
struct Fields<'a> {
    left: &'a [&'static str],
    properties: &'a mut Map<String, Value>,
    definitions: &'a mut Map<String, Value>,
    required: Required,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Nothing;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Nothing> {
        let Some(name) = self.left.first() else {
            return Ok(None);
        };
        seed.deserialize(StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Nothing> {
        let (name, left) = self
            .left
            .split_first()
            .ok_or_else(|| de::Error::custom("a field"))?;
        self.left = left;
        let slot = self.properties.entry(*name).or_insert(Value::Null);
        let definitions = &mut *self.definitions;
        seed.deserialize(Walker {
            slot,
            definitions,
            required: self.required,
        })
    }
}
