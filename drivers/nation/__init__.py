"""Parts of the synthetic nation: relief, climate, weather, plants, soils, leaves. Open it with `drivers.synthetic_nation`."""
