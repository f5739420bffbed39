//! Tables that are sorted by a click on a column's header: the order and the header.

use std::cmp::Ordering;

use leptos::prelude::*;

/// The column and direction that a table is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortOrder<C> {
    pub column: C,
    pub is_descending: bool,
}

impl<C: Copy + PartialEq> SortOrder<C> {
    /// The order after a click on a column's header: the same column in the other direction, or the new column in its initial direction.
    pub fn by(self, column: C, begins_descending: bool) -> Self {
        let is_descending = if column == self.column { !self.is_descending } else { begins_descending };
        Self { column, is_descending }
    }

    pub fn directed(self, ordering: Ordering) -> Ordering {
        if self.is_descending { ordering.reverse() } else { ordering }
    }

    /// Compares in this direction. Unknown values come last in both directions.
    pub fn compare(self, left: Option<f64>, right: Option<f64>) -> Ordering {
        match (left, right) {
            (Some(left), Some(right)) => self.directed(left.total_cmp(&right)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        }
    }

    /// The value of the column's `aria-sort` attribute.
    pub fn direction_of(self, column: C) -> &'static str {
        match self.column == column {
            false => "none",
            true if self.is_descending => "descending",
            true => "ascending",
        }
    }
}

/// The header of a column, with a button that sorts by it.
#[component]
pub fn SortableHeader(
    name: impl Fn() -> String + Send + 'static,
    /// The value of its `aria-sort` attribute.
    direction: impl Fn() -> &'static str + Send + 'static,
    on_sort: impl Fn() + 'static,
    /// The stable name by which tests find the header.
    #[prop(optional)]
    key: Option<&'static str>,
) -> impl IntoView {
    view! {
        <th scope="col" aria-sort=direction data-column=key>
            <button type="button" class="sort" on:click=move |_| on_sort()>
                {name}
                <span class="sort-mark" aria-hidden="true"></span>
            </button>
        </th>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_click_turns_the_order_around() {
        let order = SortOrder { column: 'a', is_descending: false }.by('b', true);
        assert_eq!(order, SortOrder { column: 'b', is_descending: true });
        assert_eq!(order.by('b', true), SortOrder { column: 'b', is_descending: false });
        assert_eq!((order.direction_of('a'), order.direction_of('b')), ("none", "descending"));
    }

    #[test]
    fn the_unknown_stands_last_in_both_directions() {
        for is_descending in [false, true] {
            let order = SortOrder { column: (), is_descending };
            assert_eq!(order.compare(Some(1.0), None), Ordering::Less);
            assert_eq!(order.compare(None, Some(1.0)), Ordering::Greater);
            assert_eq!(order.compare(Some(1.0), Some(2.0)), order.directed(Ordering::Less));
        }
    }
}
