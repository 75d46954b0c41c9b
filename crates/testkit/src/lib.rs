//! Development only: builders and snapshot filters.
