//! Messages as odd as the exchange has been seen to send them.

use serde_json::{Value, json};

/// Takes keys away, wherever they stand.
pub(crate) fn remove_keys(value: &mut Value, keys: &[String]) {
    each_object(value, &mut |object| object.retain(|key, _| !keys.contains(key)));
}

/// Adds a key that nobody knows to each object, and puts words that nobody knows where there is a list of them that may grow.
pub(crate) fn add_unknown(value: &mut Value) {
    const OPEN_LISTS: [&str; 4] = ["status", "dir", "orderType", "tif"];
    each_object(value, &mut |object| {
        // The status of an answer itself is no list that grows: `ok` and `err` are all there is.
        let is_answer = object.contains_key("response");
        for (key, value) in object.iter_mut() {
            if value.is_string() && OPEN_LISTS.contains(&key.as_str()) && !is_answer {
                *value = json!("somethingNew");
            }
        }
        object.insert("somethingNew".into(), json!({ "since": 2027, "list": [1, null, "x"] }));
    });
}

/// Adds rows of size zero to a list of positions, wherever it stands, for coins that are not in it.
pub(crate) fn add_zero_rows(value: &mut Value, coins: &[String]) {
    each_object(value, &mut |object| {
        let Some(Value::Array(rows)) = object.get_mut("assetPositions") else { return };
        for coin in coins {
            if rows.iter().all(|row| row["position"]["coin"] != json!(coin)) {
                let position =
                    json!({ "coin": coin, "szi": "0.0", "entryPx": null, "positionValue": "0.0", "unrealizedPnl": "0.0" });
                rows.push(json!({ "type": "oneWay", "position": position }));
            }
        }
    });
}

/// Does something to each object, the inner ones first. What is read here was written here, and nests a few levels deep.
fn each_object(value: &mut Value, change: &mut impl FnMut(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(|inner| each_object(inner, change));
            change(object);
        }
        Value::Array(entries) => entries.iter_mut().for_each(|inner| each_object(inner, change)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_wherever_they_stand() {
        let mut value = json!({ "a": [{ "leverage": 1, "b": { "leverage": {} } }], "leverage": 2, "c": "leverage" });
        remove_keys(&mut value, &["leverage".into()]);
        assert_eq!(value, json!({ "a": [{ "b": {} }], "c": "leverage" }));
    }

    #[test]
    fn open_lists_grow_and_answers_stay_answers() {
        let mut value =
            json!([{ "status": "open", "order": { "tif": "Gtc", "coin": "BTC" } }, { "status": "ok", "response": "x" }]);
        add_unknown(&mut value);
        assert_eq!(value[0]["status"], "somethingNew");
        assert_eq!(value[0]["order"]["tif"], "somethingNew");
        assert_eq!(value[0]["order"]["coin"], "BTC");
        assert_eq!(value[1]["status"], "ok");
        assert!(value[0]["order"]["somethingNew"].is_object());
    }

    #[test]
    fn closed_positions_are_rows_of_zero() {
        let mut value = json!({ "data": { "assetPositions": [{ "position": { "coin": "BTC", "szi": "1.0" } }] } });
        add_zero_rows(&mut value, &["BTC".into(), "ETH".into()]);
        let rows = value["data"]["assetPositions"].as_array().expect("rows");
        assert_eq!((rows.len(), &rows[1]["position"]["coin"], &rows[1]["position"]["szi"]), (2, &json!("ETH"), &json!("0.0")));
    }
}
