import gradframe as gf

flats = gf.scan_csv("examples/flats.csv")
known = flats.filter(gf.col("rent").is_not_null())
model = known.fit(gf.ml.LinearRegression(l2_reg=0.01), target="rent")

offers = flats.predict(model).filter(gf.col("rent").is_null())
print(offers.select("district", "area", "predicted_rent").sort("predicted_rent").collect())
