import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

/** A service as small as they come: says hello, and whether it is well. The sample that `bakehour rehearse` deploys. */
public final class HelloService {
    private HelloService() {}

    static String greeting(String name) {
        String who = name == null || name.trim().isEmpty() ? "world" : name.trim();
        return "Hello, " + who + "!";
    }

    static String option(String[] args, String name, String otherwise) {
        for (int i = 0; i + 1 < args.length; i++)
            if (args[i].equals("--" + name)) return args[i + 1];
        return otherwise;
    }

    static HttpServer serve(String address, int port) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(address, port), 0);
        server.createContext("/", exchange -> {
            String path = exchange.getRequestURI().getPath();
            boolean well = path.equals("/health");
            byte[] body = (well ? "{\"status\":\"up\"}" : greeting(exchange.getRequestURI().getQuery()))
                    .getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", well ? "application/json" : "text/plain; charset=utf-8");
            exchange.sendResponseHeaders(well || path.equals("/") ? 200 : 404, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
        return server;
    }

    public static void main(String[] args) throws IOException {
        String address = option(args, "address", System.getenv().getOrDefault("BAKEHOUR_ADDRESS", "0.0.0.0"));
        serve(address, Integer.parseInt(option(args, "port", "8080")));
    }
}
